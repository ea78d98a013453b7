"""Where output goes when its reader has left: nowhere. No rollout stops because somebody quit a pager."""

from __future__ import annotations

import os
from typing import IO


def to_nowhere(stream: IO[str]) -> None:
    """Point the stream's descriptor at the null device: what is written from now on is gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
