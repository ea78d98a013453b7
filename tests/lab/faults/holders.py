"""Who held the VIP while a unit met a fault: never two, but where VRRP itself makes it so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lbctl.model.plan import StepName
from lbctl.rollout.run import AHEAD_SECONDS
from tests.lab.faults.faults import SHORT
from tests.lab.faults.matrix import Cell, Fault, Way
from tests.lab.job.steps import VIP, Site, tell
from tests.lab.sampler import sampled

HOLDER = "lb1"
PUT_BACK = 0.25
"""Seconds: what a move on a busy machine overlaps by."""


@contextmanager
def held(site: Site, cell: Cell) -> Iterator[None]:
    """Listens to all nodes while the body runs. Raises AssertionError where two held the VIP for too long."""
    if cell.way is not Way.TOGETHER:
        yield
        return
    with sampled(site.lab) as sampler:
        yield
    timeline = sampler.timeline(VIP)
    tell(f"{cell}", *timeline.lines())
    longest = max(timeline.longest(2), timeline.longest(3))
    assert longest < bound(cell), "\n".join(timeline.lines())


def bound(cell: Cell) -> float:
    """Seconds for which two may have it."""
    if cell.step in (StepName.SWAP, StepName.TAKE) and cell.fault in (Fault.POWER, Fault.REBOOT):
        # the lab's nodes boot within a second, and elect themselves before the others, which have taken it,
        # put it back at the instant that they are told; a machine takes longer
        return AHEAD_SECONDS
    if cell.fault in (Fault.FROZEN, Fault.KEEPALIVED) and cell.node == HOLDER:
        # its kernel goes on answering for what it holds, while the others elect; a keepalived that was killed
        # takes nothing away, and the undo starts it
        return SHORT
    return PUT_BACK
