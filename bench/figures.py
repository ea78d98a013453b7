"""The table: what was measured, against what, the limit, and whether the median is within it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

COLUMNS = ("what", "against", "at most", "min", "median", "max", "")


@dataclass(frozen=True)
class Figure:
    """One row: values of several runs in one unit ("×", " s", " MB", ""). `worst`: the largest value is held
    against the limit, not the median (a failed request is not averaged away). `note` has absolute medians.
    `peer`: the other tool's values where ours are no ratio; held against nothing."""

    what: str
    against: str
    limit: float
    unit: str
    values: tuple[float, ...]
    note: str = ""
    worst: bool = False
    digits: int = 2
    peer: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def within(self) -> bool:
        return (max(self.values) if self.worst else self.median) <= self.limit

    @property
    def verdict(self) -> str:
        return "within" if self.within else "missed"

    def cells(self) -> tuple[str, ...]:
        three = (min(self.values), self.median, max(self.values))
        shown = [f"{value:.{self.digits}f}{self.unit}" for value in three]
        return (self.what, self.against, f"{self.limit:g}{self.unit}", *shown, self.verdict)

    def as_json(self) -> dict[str, Any]:
        three = {"min": min(self.values), "median": self.median, "max": max(self.values)}
        return {**asdict(self), **three, "verdict": self.verdict}


def lines(figures: Sequence[Figure]) -> list[str]:
    """The table for people: figures right, words left, a row's note below it."""
    rows = [COLUMNS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    shown = [_line(row, widths) for row in rows]
    notes = ["", *(f"      {figure.note}" if figure.note else "" for figure in figures)]
    return [line for pair in zip(shown, notes, strict=True) for line in pair if line]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 2 <= place <= 5 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
