"""What a row is measured with, and the rows' common ways to measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.figures import Figure
from bench.measure import Job, Spent, paired, run
from bench.peers import Peers
from bench.place import Place

UNCHANGED = r"No changes\."


@dataclass(frozen=True)
class Bench:
    place: Place
    peers: Peers
    runs: int
    say: Callable[[str], None]

    def pairs(self, one: Job, other: Job) -> list[tuple[Spent, Spent]]:
        self.say(f"{one.name}, {other.name}")
        return paired(lambda: self.run(one), lambda: self.run(other), self.runs, self.say)

    def run(self, job: Job) -> Spent:
        return run(job, self.place.folder)

    @property
    def plan(self) -> Job:
        return self.place.lbctl("lbctl plan", "plan", expect=UNCHANGED)


Row = Callable[[Bench], list[Figure]]


def medians(pairs: Sequence[tuple[Spent, Spent]]) -> str:
    mine, theirs = (median(pair[side].wall for pair in pairs) for side in (0, 1))
    return f"medians: {mine:.2f} s, {theirs:.2f} s"
