"""The views have of a keepalived.conf what keepalived itself has: tests/cases/keepalived/dump.yaml."""

from __future__ import annotations

import pytest

from lbctl import keepalived
from tests.lab.corpus.keepalived_cases import Case, cases
from tests.lab.corpus.keepalived_dump import ours


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_views_have_what_the_daemon_has(case: Case) -> None:
    assert ours(keepalived.parse(case.text), b"") == case.has
