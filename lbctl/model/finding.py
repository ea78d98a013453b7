"""What lint finds: a problem with a code, and the nodes that have it."""

from __future__ import annotations

from dataclasses import dataclass

from lbctl.errors import Place, Problem

LEVELS = ("error", "warning", "note")
"""Gravest first. error: a daemon refuses it, or it takes the service away; warning: it will hurt one day;
note: worth knowing."""


@dataclass(frozen=True)
class Rule:
    """What a code means, for `lbctl explain` and for machines that show findings in place.

    `level` is the one that it has in lint; "" where it depends on the place (a plan's own codes). `source` is
    a manual's or specification's passage, or "measured" with the versions.
    """

    code: str
    level: str
    title: str
    why: str
    mend: str
    source: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, once for all nodes that have it in the same place.

    `nodes` is empty for what belongs to none of them (the cluster file itself). In a plan: `known` = it is on
    the nodes already.
    """

    problem: Problem
    nodes: tuple[str, ...] = ()
    known: bool = False

    @property
    def rank(self) -> int:
        """0 for an error, and for what a plan would have to be allowed; the greater the less grave."""
        return LEVELS.index(self.problem.level) if self.problem.level in LEVELS else 0

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Findings are shown by place."""
        place = self.problem.place or Place("")
        return place.file, place.line, place.column, self.problem.code, self.problem.text


@dataclass(frozen=True)
class LintReport:
    """Findings in order of place. `of` says what was looked at: "cluster openstack-api", "3 files"."""

    of: str
    findings: tuple[Finding, ...]

    def count(self, level: str) -> int:
        return sum(one.problem.level == level for one in self.findings)

    def reaches(self, level: str) -> bool:
        """Is anything at least as grave as this level?"""
        return any(one.rank <= LEVELS.index(level) for one in self.findings)
