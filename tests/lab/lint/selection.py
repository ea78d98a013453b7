"""What is tried by default: under two minutes. LBCTL_LINT=all tries everything: `make findings`."""

from __future__ import annotations

import os

import pytest

ALL = os.environ.get("LBCTL_LINT") == "all"
only_whole = pytest.mark.skipif(not ALL, reason="LBCTL_LINT=all tries it")
