"""What an apply changes in who holds the VIPs: two election tables, before and after. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lbctl.model.election import (
    Difference,
    ElectionChange,
    ElectionTable,
    Holders,
    Outcome,
    RouterTable,
    States,
)
from lbctl.planning.elections.combinations import combinations, most
from lbctl.planning.elections.ground import ground
from lbctl.planning.elections.party import Party
from lbctl.planning.elections.table import on

LEAST = 0.1
"""Seconds by which a takeover must become longer or shorter to be worth a word: skews differ by less."""


def change(
    before: Sequence[Party], after: Sequence[Party], held: Mapping[str, Holders] | None = None
) -> ElectionChange | None:
    """What an apply changes, if it changes anything where somebody holds a VIP now; `held` = who does.

    Nothing is played where both are the same to VRRP.
    """
    live, desired = ground(before), ground(after)
    if not live.well or live.same(desired):
        return None
    found = ElectionChange(on(live, held or {}), on(desired, held or {}))
    return found if differences(found) else None


def differences(of: ElectionChange) -> tuple[Difference, ...]:
    """The combinations that end otherwise, or later or sooner, by the VIPs for which they do so alike."""
    nodes = tuple(dict.fromkeys((*of.before.nodes, *of.after.nodes)))
    # a complete table has every combination of its nodes, whatever becomes of the others
    bounds = [one.failures for one in (of.before, of.after) if one.failures < len(one.nodes)]
    failures = min([most(len(nodes)), *bounds])
    alike: dict[tuple[RouterTable | None, RouterTable | None], list[str]] = {}
    for vip in dict.fromkeys(
        vip for one in (of.before, of.after) for each in one.routers for vip in each.vips
    ):
        alike.setdefault((of.before.router(vip), of.after.router(vip)), []).append(vip)
    found = []
    for (before, after), vips in alike.items():
        pairs = [
            (states, _end(of.before, before, nodes, states), _end(of.after, after, nodes, states))
            for states in combinations(nodes, failures)
        ]
        rows = tuple((states, one, other) for states, one, other in pairs if _differ(one, other))
        same = tuple(states for states, one, other in pairs if not _differ(one, other))
        if rows:
            found.append(Difference(tuple(vips), nodes, failures, rows, same))
    return tuple(found)


def _end(
    table: ElectionTable, router: RouterTable | None, nodes: Sequence[str], states: States
) -> Outcome | None:
    """How it ends for those of the nodes that are in the table."""
    by_node = dict(zip(nodes, states, strict=True))
    return router.outcome(tuple(by_node[node] for node in table.nodes)) if router else None


def _differ(one: Outcome | None, other: Outcome | None) -> bool:
    if one is None or other is None:
        return one is not other
    same = (one.ends, one.why, one.idle, one.back) == (other.ends, other.why, other.idle, other.back)
    return not same or abs(one.seconds - other.seconds) >= LEAST
