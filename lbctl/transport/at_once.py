"""Many nodes spoken to at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_NODES = 32  # connections being opened at a time

Node = TypeVar("Node")
Said = TypeVar("Said")


def at_once(ask: Callable[[Node], Said], nodes: Sequence[Node]) -> list[Said]:
    """What each says, in their order. On Ctrl-C nobody waits for a node that does not answer."""
    pool = ThreadPoolExecutor(max_workers=_NODES)
    try:
        return list(pool.map(ask, nodes))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
