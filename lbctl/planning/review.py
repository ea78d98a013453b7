"""What lint says of a plan: what it would bring, and what is on the nodes already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lbctl.errors import Problem
from lbctl.lint import find, rules
from lbctl.model.change import Change
from lbctl.model.cluster import MAIN_FILES, Cluster
from lbctl.model.facts import Facts
from lbctl.model.finding import Finding
from lbctl.planning import subject


def findings(
    cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[Finding, ...]:
    """Lint's findings in the cluster as it shall be; `known` are those that its nodes have already."""
    desired = find(subject.desired(cluster, gathered))
    mains = frozenset(MAIN_FILES.values())
    if not any(change.action.touches and change.address.name in mains for change in changes):
        return tuple(replace(one, known=True) for one in desired)
    now = {_what(one) for one in find(subject.live(cluster, gathered))} if desired else set()
    return tuple(replace(one, known=_what(one) in now) for one in desired)


def unsafe(found: Sequence[Finding]) -> tuple[Problem, ...]:
    """Errors that the plan itself would bring: to be allowed by their codes."""
    return tuple(
        replace(one.problem, text=f"{', '.join(one.nodes)}: {one.problem.text}", level="unsafe")
        for one in found
        if one.problem.level == "error" and not one.known
    )


def beside(found: Sequence[Finding], warnings: Sequence[Problem]) -> tuple[Problem, ...]:
    """The file's own warnings that lint does not say as well."""
    said = {(one.problem.code, one.problem.text, one.problem.place) for one in found}
    return tuple(one for one in warnings if (one.code, one.text, one.place) not in said)


def codes() -> tuple[str, ...]:
    """Those that a plan may have to be allowed for."""
    return tuple(code for code, one in rules().items() if one.level == "error")


def _what(one: Finding) -> tuple[str, str]:
    return one.problem.code, one.problem.text
