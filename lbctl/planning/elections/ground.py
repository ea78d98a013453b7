"""What elections are played on: who is a candidate for what, who hears whom, and who notices what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from lbctl.keepalived.advert import Awaited, unheard, unreached
from lbctl.planning.election import Candidate
from lbctl.planning.elections.contest import Elector, Field, Key, News
from lbctl.planning.elections.party import Check, Party, checks, fall
from lbctl.planning.elections.sight import Sight


@dataclass(frozen=True)
class Ground:
    """All nodes. `well` are their candidates while nothing has failed; `checks` notice that HAProxy is dead,
    by node."""

    parties: tuple[Party, ...]
    well: Mapping[Key, Candidate]
    waiting: Mapping[Key, Awaited]
    electors: tuple[Elector, ...]
    checks: Mapping[str, tuple[Check, ...]]
    fallen: Mapping[tuple[str, bool], tuple[tuple[News, ...], ...]]

    def same(self, other: Ground) -> bool:
        """Is all the same that decides who holds the VIPs, and how soon?"""
        return self._decisive == other._decisive

    @property
    def places(self) -> Mapping[str, str]:
        """The nodes' addresses."""
        return {party.node: party.address for party in self.parties}

    @property
    def _decisive(self) -> tuple[object, ...]:
        return self.places, self.well, self.waiting, self.checks, self.fallen

    def unsure(self, node: str) -> bool:
        return any(check.sight is Sight.MAY for check in self.checks[node])

    def falls(self, node: str, unsure: bool) -> tuple[tuple[News, ...], ...]:
        """What becomes of the node's candidates once its HAProxy is dead: at the earliest, and at the latest.

        With `unsure` the checks that may notice do.
        """
        return self.fallen[node, unsure]


@dataclass(frozen=True)
class Router:
    """The VIPs that the same instances have."""

    vips: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Part:
    """Routers that stand or fall together: by a VIP in common, or a sync group. `well`: their candidates."""

    routers: tuple[Router, ...]
    electors: tuple[Elector, ...]
    well: Mapping[Key, Candidate]
    waiting: Mapping[Key, Awaited]
    places: Mapping[str, str]

    @property
    def nodes(self) -> frozenset[str]:
        return frozenset(node for node, _ in self.well)

    @cached_property
    def field(self) -> Field:
        """Each is held against each: not to be asked of very many."""
        hears = {key: frozenset(_heard(key, self.waiting, self.places)) for key in self.waiting}
        reached = {key: frozenset(_reaching(key, self.waiting, self.places)) for key in self.waiting}
        return Field(
            electors=self.electors,
            hears=hears,
            discards={key: reached[key] - hears[key] for key in self.waiting},
            addresses={key: _number(one.source or self.places[key[0]]) for key, one in self.waiting.items()},
        )


def ground(parties: Sequence[Party]) -> Ground:
    """An instance without an address or an interface of its own takes no part."""
    waiting = {(one.node, name): each for one in parties for name, each in one.standing.waits.items()}
    well = {key: each for one in parties for key, each in one.candidates().items() if key in waiting}
    noticing = {one.node: checks(one) for one in parties}
    fallen = {
        (one.node, unsure): _falls(one, noticing[one.node], unsure)
        for one in parties
        for unsure in (False, True)
    }
    return Ground(tuple(parties), well, waiting, tuple(_electors(well)), noticing, fallen)


def _falls(party: Party, noticing: Sequence[Check], unsure: bool) -> tuple[tuple[News, ...], ...]:
    sure = tuple(one for one in noticing if unsure or one.sight is Sight.SEES)
    return (fall(party, sure, late=False), fall(party, sure, late=True)) if sure else ((),)


def parts(whole: Ground) -> Iterator[Part]:
    """The parts that have nothing to do with each other, in the order of the first node's file."""
    left = _routers(whole)
    while left:
        reached = _reached(whole, left)
        own = tuple(one for one in left if not reached.isdisjoint(one.keys))
        left = [one for one in left if reached.isdisjoint(one.keys)]
        yield Part(
            own,
            tuple(one for one in whole.electors if not reached.isdisjoint(one.keys)),
            {key: one for key, one in whole.well.items() if key in reached},
            {key: one for key, one in whole.waiting.items() if key in reached},
            whole.places,
        )


def _routers(whole: Ground) -> list[Router]:
    """The VIPs with the same instances together."""
    owners: dict[str, tuple[Key, ...]] = {}
    for key, one in whole.well.items():
        for vip in one.vips:
            owners[vip] = (*owners.get(vip, ()), key)
    together: dict[tuple[Key, ...], list[str]] = {}
    for vip, keys in owners.items():
        together.setdefault(keys, []).append(vip)
    return [Router(tuple(vips), keys) for keys, vips in together.items()]


def _reached(whole: Ground, routers: Sequence[Router]) -> frozenset[Key]:
    """All that have to do with the first of them."""
    reached = set(routers[0].keys)
    while True:
        more = {key for one in routers if not reached.isdisjoint(one.keys) for key in one.keys}
        more |= {key for one in whole.electors if not reached.isdisjoint(one.keys) for key in one.keys}
        if more <= reached:
            return frozenset(reached)
        reached |= more


def _electors(well: Mapping[Key, Candidate]) -> Iterator[Elector]:
    groups: dict[tuple[str, str], list[str]] = {}
    for (node, name), one in well.items():
        if one.group:
            groups.setdefault((node, one.group), []).append(name)
        else:
            yield Elector(((node, name),))
    for (node, _), names in groups.items():
        yield Elector(tuple((node, name) for name in names))


def _reaching(key: Key, waiting: Mapping[Key, Awaited], places: Mapping[str, str]) -> Iterator[Key]:
    """Whose adverts come to it."""
    for other, sender in waiting.items():
        if other[0] != key[0] and not [*unreached(sender, waiting[key], places[key[0]])]:
            yield other


def _heard(key: Key, waiting: Mapping[Key, Awaited], places: Mapping[str, str]) -> Iterator[Key]:
    """Whose adverts it takes."""
    for other in _reaching(key, waiting, places):
        if not [*unheard(waiting[other], waiting[key], places[other[0]], places[key[0]])]:
            yield other


def _number(address: str) -> int:
    """To compare addresses by, as the daemon does; 0 = none."""
    try:
        return int(ip_address(address))
    except ValueError:
        return 0
