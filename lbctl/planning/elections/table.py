"""The election table: who holds each VIP for every combination of dead nodes and dead HAProxys.

Made of the nodes' documents alone, and of who holds the VIPs now where that is known. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product

from lbctl.model.election import (
    Difference,
    ElectionChange,
    ElectionTable,
    Holders,
    NodeState,
    Outcome,
    RouterTable,
    Row,
    States,
    Why,
)
from lbctl.planning.elections.contest import Elector, Ending, Key, play
from lbctl.planning.elections.ground import Ground, Part, Router, ground, parts
from lbctl.planning.elections.party import Party
from lbctl.planning.elections.sight import Sight

ALL_OF, FEW = 4, 2
"""Of up to ALL_OF nodes every combination is in the table; of more, those in which at most FEW fail."""

MOST = 64
"""Of so many instances and sync groups that stand or fall together, and no more, elections are played."""
LEAST = 0.1
"""Seconds by which a takeover must become longer or shorter to be worth a word: skews differ by less."""


def table(parties: Sequence[Party], held: Mapping[str, Holders] | None = None) -> ElectionTable:
    """The table of these nodes. Its rows begin with what lasts while nothing has failed: with the holders of
    now, or with those whom an election anew gives."""
    nodes = tuple(party.node for party in parties)
    whole = ground(parties)
    most = len(nodes) if len(nodes) <= ALL_OF else FEW
    every = [dict(zip(nodes, states, strict=True)) for states in combinations(nodes, most)]
    found = []
    notes = [*_notes(whole)]
    for part in parts(whole):
        if len(part.field.electors) > MOST:
            first = part.routers[0].vips[0]
            notes.append(f"{len(part.field.electors)} instances stand or fall with {first}: too many to play")
            continue
        normal = play(part.field, _masters(part, held or {}), part.well)
        played = [_played(whole, part, normal, states) for states in every]
        found += [_router(whole, part, router, normal, played) for router in part.routers]
    return ElectionTable(nodes, most, tuple(found), tuple(notes))


def combinations(nodes: Sequence[str], most: int) -> Iterator[States]:
    """Every combination with at most so many failures; those with the fewest first."""
    found = product(NodeState, repeat=len(nodes))
    failed = [(sum(one is not NodeState.ALIVE for one in states), states) for states in found]
    for number in range(most + 1):
        yield from (states for count, states in failed if count == number)


def change(before: ElectionTable, after: ElectionTable) -> ElectionChange | None:
    """What an apply changes in who holds the VIPs, if it changes anything where somebody holds one now."""
    if not before.routers:
        return None
    found = ElectionChange(before, after)
    return found if differences(found) else None


def differences(of: ElectionChange) -> tuple[Difference, ...]:
    """The combinations that end otherwise, or later or sooner, by the VIPs for which they do so alike."""
    nodes = tuple(dict.fromkeys((*of.before.nodes, *of.after.nodes)))
    most = min(of.before.failures, of.after.failures)
    alike: dict[tuple[RouterTable | None, RouterTable | None], list[str]] = {}
    for vip in dict.fromkeys(
        vip for one in (of.before, of.after) for each in one.routers for vip in each.vips
    ):
        alike.setdefault((of.before.router(vip), of.after.router(vip)), []).append(vip)
    found = []
    for (before, after), vips in alike.items():
        pairs = [
            (states, _end(of.before, before, nodes, states), _end(of.after, after, nodes, states))
            for states in combinations(nodes, most)
        ]
        rows = tuple((states, one, other) for states, one, other in pairs if _differ(one, other))
        if rows:
            found.append(Difference(tuple(vips), nodes, rows))
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


@dataclass(frozen=True)
class _Played:
    """One combination, in all ways in which the failures may be noticed: by whether the checks of which
    nobody knows notice. And how it ends when all that failed is back."""

    states: Mapping[str, NodeState]
    endings: Mapping[bool, frozenset[Ending]]
    back: frozenset[Ending]

    @property
    def all(self) -> frozenset[Ending]:
        return frozenset(ending for some in self.endings.values() for ending in some)


def _masters(part: Part, held: Mapping[str, Holders]) -> frozenset[Elector]:
    has = {
        key
        for router in part.routers
        for vip in router.vips
        for key in router.keys
        if key[0] in held.get(vip, ())
    }
    return frozenset(one for one in part.field.electors if not has.isdisjoint(one.keys))


def _played(whole: Ground, part: Part, normal: Iterable[Ending], states: Mapping[str, NodeState]) -> _Played:
    alive = {key: one for key, one in part.well.items() if states[key[0]] is not NodeState.DEAD}
    ill = [node for node, state in states.items() if state is NodeState.HAPROXY_DEAD]
    found = {
        unsure: frozenset(
            ending
            for falls in product(*(whole.falls(node, unsure) for node in ill))
            for early in (False, True)
            for start in normal
            for ending in play(part.field, start.masters, alive, [*chain(*falls)], early=early)
        )
        for unsure in ((False, True) if any(whole.unsure(node) for node in ill) else (False,))
    }
    failed = [node for node, state in states.items() if state is not NodeState.ALIVE]
    lasting = {ending.masters for some in found.values() for ending in some}
    back = frozenset(end for masters in lasting for end in _back(part, masters, failed))
    return _Played(states, found, back)


def _back(part: Part, masters: frozenset[Elector], failed: Sequence[str]) -> Iterator[Ending]:
    """How it ends when all that failed comes back, all at once or one of them before the others."""
    yield from play(part.field, masters, part.well)
    if masters:
        return
    for first in failed:
        alone = {key: one for key, one in part.well.items() if key[0] == first}
        for one in play(part.field, masters, alone):
            yield from play(part.field, one.masters, part.well)


def _router(
    whole: Ground, part: Part, router: Router, normal: frozenset[Ending], played: Sequence[_Played]
) -> RouterTable:
    names = dict.fromkeys(name for _, name in router.keys)
    groups = dict.fromkeys(part.well[key].group for key in router.keys if part.well[key].group)
    pace = max(part.well[key].advert_int for key in router.keys)
    nodes = [party.node for party in whole.parties]
    tied = any(ending.tied for ending in normal)
    rows = [Row(tuple(one.states.values()), _outcome(whole, router, one, tied)) for one in played]
    ends = _ends(normal, router, nodes)
    return RouterTable(tuple(names), tuple(groups), router.vips, pace, ends, tuple(rows))


def _outcome(whole: Ground, router: Router, played: _Played, tied: bool) -> Outcome:
    """What they all come to for one router."""
    states, endings = played.states, played.all
    ends = _ends(endings, router, states)
    sides = {_ends(some, router, states) for some in played.endings.values()}
    tied = tied or any(ending.tied for ending in endings)
    why = _whys(ends, endings, Why.UNSURE if len(sides) > 1 else Why.TIE if tied else Why.RACE)
    idle, reasons = _idle(whole, router, ends, states)
    seconds = max(ending.at for ending in endings)
    return Outcome(ends, seconds, (*why, *reasons), _ends(played.back, router, states), idle)


def _ends(endings: Iterable[Ending], router: Router, nodes: Iterable[str]) -> tuple[Holders, ...]:
    """Who holds the router's VIPs at each end, every one once."""
    order = list(nodes)
    found = set()
    for ending in endings:
        has = {key[0] for one in ending.masters for key in one.keys if key in router.keys}
        found.add(tuple(sorted(has, key=order.index)))
    return tuple(sorted(found, key=lambda holders: [order.index(one) for one in holders]))


def _whys(ends: Sequence[Holders], endings: Iterable[Ending], several: Why) -> Iterator[Why]:
    if not all(ending.settled for ending in endings):
        yield Why.UNSETTLED
    if len(ends) > 1:
        yield several
    if any(not holders for holders in ends):
        yield Why.NOBODY
    if any(len(holders) > 1 for holders in ends):
        yield Why.SPLIT


def _idle(
    whole: Ground, router: Router, ends: Sequence[Holders], states: Mapping[str, NodeState]
) -> tuple[Holders, tuple[Why, ...]]:
    """Holders without HAProxy beside nodes that have one and could hold the VIPs; and why they hold them."""
    able = [key for key in router.keys if states[key[0]] is NodeState.ALIVE and whole.well[key].priority > 0]
    ill = {node for holders in ends for node in holders if states[node] is NodeState.HAPROXY_DEAD}
    if not able or not ill:
        return (), ()
    keys = [key for key in router.keys if key[0] in ill]
    reasons = dict.fromkeys(reason for key in keys for reason in _stays(whole, key, able))
    return tuple(dict.fromkeys(key[0] for key in keys)), tuple(reasons)


def _stays(whole: Ground, key: Key, able: Sequence[Key]) -> Iterator[Why]:
    """Why a node that has no HAProxy any more keeps the VIPs."""
    noticed = [news for fall in whole.falls(key[0], True) for news in fall]
    if not noticed:
        yield Why.UNTRACKED
        return
    mine = noticed[-1].candidates[key].priority
    others = [whole.well[other] for other in able]
    if any(one.nopreempt and one.priority > mine for one in others):
        yield Why.NOPREEMPT
    elif max(one.priority for one in others) == mine:
        yield Why.EQUAL
    elif all(one.priority < mine for one in others):
        yield Why.HIGHEST


def _notes(whole: Ground) -> Iterator[str]:
    """What could not be known, and what no check sees; alike on several nodes once."""
    found: dict[str, list[str]] = {}
    for party in whole.parties:
        checks = whole.checks[party.node]
        if not checks:
            found.setdefault("no check that counts sees a dead HAProxy", []).append(party.node)
        for check in checks:
            if check.sight is Sight.MAY:
                text = f"nobody knows whether the check {check.name} sees a dead HAProxy"
                found.setdefault(text, []).append(party.node)
    return (f"{', '.join(nodes)}: {text}" for text, nodes in found.items())
