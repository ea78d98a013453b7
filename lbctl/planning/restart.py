"""A restart as changes like any other: what plans, arms, verifies and shows those does it for a restart.

It is never mixed with a change of configuration: what is pending it would take along unasked, and what was
changed by hand it would load, which is what nobody reviewed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import Problem
from lbctl.model.change import Action, Change, Standing
from lbctl.model.effect import Effect, Impact
from lbctl.model.facts import Facts
from lbctl.model.resource import Address
from lbctl.model.restart import Restart


def restarts(
    wish: Restart, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[list[Change], tuple[Problem, ...]]:
    """A change for each daemon on each node, and an error for what stands in the way of one.

    `changes` are what the cluster file would change.
    """
    units = dict.fromkeys(wish.among(gathered), wish.units)
    refused, problems = refusals(units, gathered, changes)
    found = [_restart(name, unit) for name in units if name not in refused for unit in units[name]]
    return found, problems


def refusals(
    units: Mapping[str, Sequence[str]], gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """The nodes on which these daemons, by node, cannot begin anew; and an error for each reason."""
    wrong: dict[tuple[str, str], list[str]] = {}
    for name, daemons in units.items():
        own = [c for c in changes if c.address.node == name and c.action.touches]
        for one in _refused(daemons, gathered[name], own):
            wrong.setdefault(one, []).append(name)
    mends = {
        "inactive": "what is stopped is started by: lbctl apply",
        "not-applied": "a restart would load what was changed by hand, or miss what is pending: "
        "lbctl plan shows it, lbctl apply ends it, and then this",
    }
    problems = (
        Problem(f"{', '.join(nodes)}: {text}", code=code, mend=mends[code])
        for (code, text), nodes in wrong.items()
    )
    return frozenset(name for nodes in wrong.values() for name in nodes), tuple(problems)


def _refused(units: Sequence[str], facts: Facts, changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """Code and text of what stands in the way on a node; `changes` are its own that touch it."""
    idle = [unit for unit in units if not facts.active(unit)]
    if idle:
        yield "inactive", f"{' and '.join(idle)} does not run, so there is nothing to restart"
    elif changes:
        names = ", ".join(map(_named, changes))
        yield "not-applied", f"is not as the cluster file says: {names}"


def _named(change: Change) -> str:
    return change.address.on_any_node + (" (changed by hand)" if change.standing.drifted else "")


def _restart(node: str, unit: str) -> Change:
    effects = (Effect(unit, Impact.RESTART),)
    return Change(Address(node, "service", unit), Action.RESTART, Standing.PENDING, (), effects)
