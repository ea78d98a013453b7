"""The election table: who holds each VIP for every combination of dead nodes and dead HAProxys.

Made of the nodes' documents alone, and of who holds the VIPs now where that is known. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lbctl.model.election import (
    ElectionTable,
    Holders,
    NodeState,
    Outcome,
    RouterTable,
    Row,
    States,
    Why,
)
from lbctl.planning.elections.combinations import combinations, most
from lbctl.planning.elections.contest import Ending, Key
from lbctl.planning.elections.ground import Ground, Router, ground, parts
from lbctl.planning.elections.party import Party, assumed
from lbctl.planning.elections.plays import Played, plays, settled
from lbctl.planning.elections.sight import Sight

MOST = 64
"""Of so many instances and sync groups that stand or fall together, and no more, elections are played."""


def table(parties: Sequence[Party], held: Mapping[str, Holders] | None = None) -> ElectionTable:
    """The table of these nodes. Its rows begin with what lasts while nothing has failed: with the holders of
    now, or with those whom an election anew gives."""
    return on(ground(parties), held or {})


def on(whole: Ground, held: Mapping[str, Holders]) -> ElectionTable:
    """The table of nodes of which is known who hears whom."""
    nodes = tuple(party.node for party in whole.parties)
    failures = most(len(nodes))
    every = list(combinations(nodes, failures))
    found = []
    notes = [*_notes(whole)]
    for part in parts(whole):
        if len(part.electors) > MOST:
            first = part.routers[0].vips[0]
            notes.append(f"{len(part.electors)} instances stand or fall with {first}: too many to play")
            continue
        normal = settled(part, held)
        played = plays(whole, part, normal, every)
        found += [_router(whole, router, normal, played) for router in part.routers]
    return ElectionTable(nodes, failures, tuple(found), tuple(notes))


def _router(
    whole: Ground, router: Router, normal: frozenset[Ending], played: Mapping[States, Played]
) -> RouterTable:
    names = dict.fromkeys(name for _, name in router.keys)
    groups = dict.fromkeys(whole.well[key].group for key in router.keys if whole.well[key].group)
    pace = max(whole.well[key].advert_int for key in router.keys)
    doubts = frozenset(why for ending in normal for why in ending.doubts)
    outcomes = {one: _outcome(whole, router, one, doubts) for one in dict.fromkeys(played.values())}
    rows = tuple(Row(states, outcomes[one]) for states, one in played.items())
    ends = _ends(normal, router, [party.node for party in whole.parties])
    return RouterTable(tuple(names), tuple(groups), router.vips, pace, ends, rows)


def _outcome(whole: Ground, router: Router, played: Played, doubts: frozenset[Why]) -> Outcome:
    """What they all come to for one router. `doubts` are those of who held the VIPs before."""
    states, endings = played.states, played.all
    ends = _ends(endings, router, states)
    sides = {_ends(some, router, states) for some in played.endings.values()}
    doubts = doubts.union(*(ending.doubts for ending in endings))
    several = [Why.UNSURE] if len(sides) > 1 else [why for why in (Why.TIE, Why.CLOSE) if why in doubts]
    why = _whys(ends, endings, (*several, Why.RACE)[0])
    idle, reasons = _idle(whole, router, ends, states)
    times = [ending.at for ending in endings]
    back = _ends(played.back, router, states)
    return Outcome(ends, max(times), (*why, *reasons), back, idle, min(times))


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
        if others := assumed(party):
            found.setdefault(f"taken to be well: {', '.join(others)}", []).append(party.node)
    return (f"{', '.join(nodes)}: {text}" for text, nodes in found.items())
