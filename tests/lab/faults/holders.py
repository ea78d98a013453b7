"""Who held the VIP while a unit met a fault: never two, but where VRRP itself makes it so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.faults.matrix import Cell, Way
from tests.lab.job.steps import VIP, Site, tell
from tests.lab.sampler import sampled

PUT_BACK = 0.25
"""Seconds: the sampler's own error, and what a move on a busy machine overlaps by."""


@contextmanager
def held(site: Site, cell: Cell) -> Iterator[None]:
    """Listens to all nodes while the body runs. Raises AssertionError where two held the VIP for longer."""
    if cell.way is not Way.TOGETHER:
        yield
        return
    with sampled(site.lab) as sampler:
        yield
    timeline = sampler.timeline(VIP)
    tell(f"{cell}", *timeline.lines())
    longest = max(timeline.longest(2), timeline.longest(3))
    assert longest < PUT_BACK, "\n".join(timeline.lines())
