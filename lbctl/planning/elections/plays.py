"""How every combination of failures ends, for routers that stand or fall together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, product

from lbctl.model.election import Holders, NodeState, States
from lbctl.planning.elections.contest import Elector, Ending, play
from lbctl.planning.elections.ground import Ground, Part


@dataclass(frozen=True, eq=False)
class Played:
    """One combination, in all ways in which the failures may be noticed: by whether the checks of which
    nobody knows notice. And how it ends when all that failed is back. `states` are those of the nodes that
    have to do with it."""

    states: Mapping[str, NodeState]
    endings: Mapping[bool, frozenset[Ending]]
    back: frozenset[Ending]

    @property
    def all(self) -> frozenset[Ending]:
        return frozenset(ending for some in self.endings.values() for ending in some)


def settled(part: Part, held: Mapping[str, Holders]) -> frozenset[Ending]:
    """What lasts while nothing has failed, with the holders of now, or with those of an election anew: one
    that is in time, or nobody would know where nopreempt begins."""
    has = {
        key
        for router in part.routers
        for vip in router.vips
        for key in router.keys
        if key[0] in held.get(vip, ())
    }
    masters = frozenset(one for one in part.electors if not has.isdisjoint(one.keys))
    return play(part.field, masters, part.well, close=0)


def plays(
    whole: Ground, part: Part, normal: Iterable[Ending], every: Sequence[States]
) -> Mapping[States, Played]:
    """All of these combinations; those that differ in nodes that have nothing to do with it once."""
    nodes = [party.node for party in whole.parties]
    own = [place for place, node in enumerate(nodes) if node in part.nodes]
    returns = _Returns(part)

    @cache
    def played(states: States) -> Played:
        by_node = {nodes[place]: state for place, state in zip(own, states, strict=True)}
        return _played(whole, part, normal, by_node, returns)

    return {states: played(tuple(states[place] for place in own)) for states in every}


def _played(
    whole: Ground,
    part: Part,
    normal: Iterable[Ending],
    states: Mapping[str, NodeState],
    returns: _Returns,
) -> Played:
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
    back = frozenset(end for masters in lasting for end in returns.after(masters, failed))
    return Played(states, found, back)


class _Returns:
    """How it ends when all that failed comes back, from each end once."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.all_at_once = cache(self._all_at_once)
        self.beginning_with = cache(self._beginning_with)

    def after(self, masters: frozenset[Elector], failed: Sequence[str]) -> Iterator[Ending]:
        """All at once or, where nobody holds the VIPs, one of them before the others."""
        yield from self.all_at_once(masters)
        for first in () if masters else failed:
            yield from self.beginning_with(first)

    def _all_at_once(self, masters: frozenset[Elector]) -> frozenset[Ending]:
        return play(self.part.field, masters, self.part.well)

    def _beginning_with(self, first: str) -> frozenset[Ending]:
        alone = {key: one for key, one in self.part.well.items() if key[0] == first}
        firsts = play(self.part.field, frozenset(), alone)
        return frozenset(end for one in firsts for end in self.all_at_once(one.masters))
