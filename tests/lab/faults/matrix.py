"""The matrix: every fault at every step of every node's turn. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from lbctl.model.plan import StepName

_FIRST = (StepName.INSTALL, StepName.STAGE)
_BACKUP = (
    StepName.ARM,
    StepName.DRAIN,
    StepName.SWAP,
    StepName.VERIFY,
    StepName.UNDRAIN,
    StepName.CONFIRM,
)
_MASTER = tuple(StepName.HANDOVER if step is StepName.DRAIN else step for step in _BACKUP)

ORDER = ("lb3", "lb2", "lb1")
# what plans for `harness.texts` walk; the harness holds it against the real plans before the first cell
STEPS: tuple[tuple[str, StepName], ...] = (
    *((node, step) for step in _FIRST for node in ORDER),
    *(("lb3", step) for step in _BACKUP),
    *(("lb2", step) for step in _BACKUP),
    *(("lb1", step) for step in _MASTER),
)

_UNIT = (StepName.ARM, StepName.SWAP, StepName.TAKE, StepName.VERIFY, StepName.CONFIRM)
LEAVES = JOINS = "lb3"


class Way(Enum):
    """What the apply of a cell does: node by node; on all nodes at one instant; or a node joins or leaves."""

    APART = "apart"
    JOINING = "joining"
    TOGETHER = "together"
    LEAVING = "leaving"

    def __str__(self) -> str:
        return self.value


WALKS: Mapping[Way, tuple[tuple[str, StepName], ...]] = {
    Way.APART: STEPS,
    Way.JOINING: ((JOINS, StepName.LISTEN),),
    Way.TOGETHER: tuple((node, step) for step in _UNIT for node in ORDER),
    Way.LEAVING: tuple((LEAVES, step) for step in (StepName.ARM, StepName.RETIRE, StepName.CONFIRM)),
}
"""By way: the steps of the turns that touch a node; of a node that joins the one that no other has."""


class Fault(Enum):
    """What goes wrong. The order pairs each with the step that `selection` tries it at."""

    KILL = "kill"
    FULL = "full"
    POWER = "power"
    KEEPALIVED = "keepalived"
    REBOOT = "reboot"
    CUT = "cut"
    FROZEN = "frozen"
    HAPROXY = "haproxy"

    def __str__(self) -> str:
        return self.value


_DAEMONS = (Fault.KEEPALIVED, Fault.HAPROXY)


@dataclass(frozen=True)
class Cell:
    """A fault on a node at the moment when its step begins."""

    node: str
    step: StepName
    fault: Fault
    way: Way = Way.APART

    def __str__(self) -> str:
        before = "" if self.way is Way.APART else f"{self.way}-"
        return f"{before}{self.step}-{self.node}-{self.fault}"


def cells() -> tuple[Cell, ...]:
    """All that can be, in the order of the walk."""
    found = (
        Cell(node, step, fault, way) for way, walk in WALKS.items() for node, step in walk for fault in Fault
    )
    return tuple(cell for cell in found if not _dead_already(cell))


def _dead_already(cell: Cell) -> bool:
    """A node that is retired has no daemon any more that could die."""
    return (cell.way, cell.step) == (Way.LEAVING, StepName.CONFIRM) and cell.fault in _DAEMONS


# what only a node that joins does; and what tears a unit apart: nobody to tell the nodes anything, one that
# is not told, one that begins anew
_ELSEWHERE = (
    Cell(JOINS, StepName.LISTEN, Fault.CUT, Way.JOINING),
    Cell("lb2", StepName.TAKE, Fault.KILL, Way.TOGETHER),
    Cell("lb1", StepName.TAKE, Fault.CUT, Way.TOGETHER),
    Cell("lb3", StepName.TAKE, Fault.POWER, Way.TOGETHER),
    Cell("lb2", StepName.TAKE, Fault.REBOOT, Way.TOGETHER),
    # before anything is taken the VIP comes back to a better node, and no undo keeps it from that
    Cell("lb1", StepName.ARM, Fault.POWER, Way.TOGETHER),
    Cell(LEAVES, StepName.RETIRE, Fault.POWER, Way.LEAVING),
)


def selection() -> tuple[Cell, ...]:
    """Each step and each fault at least once, the nodes taking turns."""
    found, faults = [], list(Fault)
    walked = {step for _, step in STEPS}
    for number, step in enumerate(step for step in StepName if step in walked):
        nodes = [node for node, one in STEPS if one is step]
        found.append(Cell(nodes[number % len(nodes)], step, faults[number % len(faults)]))
    return (*found, *_ELSEWHERE)


@dataclass(frozen=True)
class Result:
    """A cell that was run: its seconds, whether it is green, and its seconds by phase (if it is)."""

    cell: Cell
    seconds: float
    good: bool
    phases: Mapping[str, float]


def table(results: Sequence[Result]) -> list[str]:
    """The matrix as text: a row a step, a column a fault, in each cell its seconds; `RED` where it failed."""
    by_cell = {r.cell: f"{r.seconds:.0f} s" if r.good else f"RED {r.seconds:.0f}" for r in results}
    rows = [["way", "node", "step", *map(str, Fault)]]
    for way, walk in WALKS.items():
        for node, step in walk:
            row = [by_cell.get(Cell(node, step, fault, way), "") for fault in Fault]
            if any(row):
                rows.append([str(way), node, str(step), *row])
    longest = max((r.seconds for r in results), default=0.0)
    green, total = sum(r.good for r in results), sum(r.seconds for r in results)
    summary = f"{green} of {len(results)} cells green, {total:.0f} s, the longest {longest:.0f} s"
    return [*_aligned(rows), summary]


def phases(results: Sequence[Result]) -> list[str]:
    """What the green cells' time is made of: a row a fault, a column a phase, the mean of its seconds."""
    names = list(dict.fromkeys(name for r in results for name in r.phases))
    rows = [["mean seconds", "cells", *names, "in all", "longest"]]
    for fault in Fault:
        found = [r for r in results if r.cell.fault is fault and r.phases]
        if found:
            means = [sum(r.phases.get(name, 0.0) for r in found) / len(found) for name in names]
            figures = [*means, sum(means), max(r.seconds for r in found)]
            rows.append([str(fault), str(len(found)), *(f"{figure:.1f}" for figure in figures)])
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)).rstrip() for row in rows]
