"""What elections are played on: who is a candidate for what, who hears whom, and who notices what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from lbctl.keepalived.advert import Awaited, awaited, unheard
from lbctl.planning.contest import Elector, Field, Key, News
from lbctl.planning.election import Candidate
from lbctl.planning.party import Check, Party, checks, fall
from lbctl.planning.sight import Sight


@dataclass(frozen=True)
class Ground:
    """All nodes. `well` are their candidates while nothing has failed; `checks` notice that HAProxy is dead,
    by node."""

    parties: tuple[Party, ...]
    well: Mapping[Key, Candidate]
    field: Field
    checks: Mapping[str, tuple[Check, ...]]
    fallen: Mapping[tuple[str, bool], tuple[tuple[News, ...], ...]]

    def unsure(self, node: str) -> bool:
        return any(check.sight is Sight.MAY for check in self.checks[node])

    def falls(self, node: str, unsure: bool) -> tuple[tuple[News, ...], ...]:
        """What becomes of the node's candidates once its HAProxy is dead: at the earliest, and at the latest.

        With `unsure` the checks that may notice do.
        """
        return self.fallen[node, unsure]


@dataclass(frozen=True)
class Router:
    """The VIPs that the same instances have, and all with whom they stand or fall."""

    vips: tuple[str, ...]
    keys: tuple[Key, ...]
    field: Field


def ground(parties: Sequence[Party]) -> Ground:
    """An instance without an address or an interface of its own takes no part."""
    waiting = {(one.node, each.instance): each for one in parties for each in awaited(one.keepalived)}
    well = {key: each for one in parties for key, each in one.candidates().items() if key in waiting}
    places = {one.node: one.address for one in parties}
    field = Field(
        electors=tuple(_electors(well)),
        hears={key: frozenset(_heard(key, waiting, places)) for key in well},
        addresses={key: _number(waiting[key].source or places[key[0]]) for key in well},
    )
    noticing = {one.node: checks(one) for one in parties}
    fallen = {
        (one.node, unsure): _falls(one, noticing[one.node], unsure)
        for one in parties
        for unsure in (False, True)
    }
    return Ground(tuple(parties), well, field, noticing, fallen)


def _falls(party: Party, noticing: Sequence[Check], unsure: bool) -> tuple[tuple[News, ...], ...]:
    sure = tuple(one for one in noticing if unsure or one.sight is Sight.SEES)
    return (fall(party, sure, late=False), fall(party, sure, late=True)) if sure else ((),)


def routers(whole: Ground) -> Iterator[Router]:
    """The VIPs in the order of the first node's file, those with the same instances together."""
    owners: dict[str, tuple[Key, ...]] = {}
    for key, one in whole.well.items():
        for vip in one.vips:
            owners[vip] = (*owners.get(vip, ()), key)
    together: dict[tuple[Key, ...], list[str]] = {}
    for vip, keys in owners.items():
        together.setdefault(keys, []).append(vip)
    for keys, vips in together.items():
        yield Router(tuple(vips), keys, _around(whole.field, keys, list(owners.values())))


def _around(field: Field, keys: Sequence[Key], shared: Sequence[Sequence[Key]]) -> Field:
    """The part of the field that has to do with these instances: by a VIP in common, or a sync group."""
    reached = set(keys)
    while True:
        more = {key for some in shared if not reached.isdisjoint(some) for key in some}
        more |= {key for one in field.electors if not reached.isdisjoint(one.keys) for key in one.keys}
        if more <= reached:
            break
        reached |= more
    electors = tuple(one for one in field.electors if not reached.isdisjoint(one.keys))
    return Field(electors, field.hears, field.addresses)


def _electors(well: Mapping[Key, Candidate]) -> Iterator[Elector]:
    groups: dict[tuple[str, str], list[str]] = {}
    for (node, name), one in well.items():
        if one.group:
            groups.setdefault((node, one.group), []).append(name)
        else:
            yield Elector(node, (name,))
    for (node, _), names in groups.items():
        yield Elector(node, tuple(names))


def _heard(key: Key, waiting: Mapping[Key, Awaited], places: Mapping[str, str]) -> Iterator[Key]:
    for other, sender in waiting.items():
        apart = other[0] != key[0]
        if apart and not [*unheard(sender, waiting[key], places[other[0]], places[key[0]])]:
            yield other


def _number(address: str) -> int:
    """To compare addresses by, as the daemon does; 0 = none."""
    try:
        return int(ip_address(address))
    except ValueError:
        return 0
