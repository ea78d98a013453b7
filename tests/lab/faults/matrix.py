"""The matrix: every fault at every step of every node's turn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
# its keepalived was stopped before: it joins the others
_JOINING = (StepName.ARM, StepName.LISTEN, *_BACKUP[1:])
_MASTER = tuple(StepName.HANDOVER if step is StepName.DRAIN else step for step in _BACKUP)

ORDER = ("lb3", "lb2", "lb1")
# what a plan for `harness.texts` walks; the harness holds it against the real plan before the first cell
STEPS: tuple[tuple[str, StepName], ...] = (
    *((node, step) for step in _FIRST for node in ORDER),
    *(("lb3", step) for step in _JOINING),
    *(("lb2", step) for step in _BACKUP),
    *(("lb1", step) for step in _MASTER),
)

# only a node that leaves the cluster has RETIRE, and then there is no way back by the same two files: what
# fails in it is tried in job/test_life.py; TAKE is no node's own turn: job/test_together.py
ELSEWHERE = frozenset({StepName.RETIRE, StepName.TAKE})
WALKED = tuple(step for step in StepName if step not in ELSEWHERE)


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


@dataclass(frozen=True)
class Cell:
    """A fault on a node at the moment when its step begins."""

    node: str
    step: StepName
    fault: Fault

    def __str__(self) -> str:
        return f"{self.step}-{self.node}-{self.fault}"


def cells() -> tuple[Cell, ...]:
    """All of them, in the order of the walk."""
    return tuple(Cell(node, step, fault) for node, step in STEPS for fault in Fault)


def selection() -> tuple[Cell, ...]:
    """Each step once and each fault at least once, the nodes taking turns."""
    found, faults = [], list(Fault)
    for number, step in enumerate(WALKED):
        nodes = [node for node, one in STEPS if one is step]
        found.append(Cell(nodes[number % len(nodes)], step, faults[number % len(faults)]))
    return tuple(found)


def table(results: Sequence[tuple[Cell, float, bool]]) -> list[str]:
    """The matrix as text: a row a step, a column a fault, in each cell its seconds; `RED` where it failed."""
    by_cell = {cell: f"{seconds:.0f} s" if good else f"RED {seconds:.0f}" for cell, seconds, good in results}
    rows = [["node", "step", *map(str, Fault)]]
    for node, step in STEPS:
        row = [by_cell.get(Cell(node, step, fault), "") for fault in Fault]
        if any(row):
            rows.append([node, str(step), *row])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    green = sum(good for _, _, good in results)
    longest = max((seconds for _, seconds, _ in results), default=0.0)
    total = sum(seconds for _, seconds, _ in results)
    return [
        *lines,
        f"{green} of {len(results)} cells green, {total:.0f} s, the longest {longest:.0f} s",
    ]
