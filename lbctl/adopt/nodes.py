"""Who the nodes are: their names, and their addresses on the VRRP network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from lbctl.adopt.live import Live
from lbctl.errors import Problem
from lbctl.keepalived.views import Instance, instances
from lbctl.model.cluster import Interface
from lbctl.model.ip import canonical
from lbctl.model.spelling import NAME


@dataclass(frozen=True)
class Subject:
    """A node that was read, under the name that it gets, with its address."""

    name: str
    address: str
    live: Live


def subjects(found: Sequence[Live], given: Mapping[str, str]) -> tuple[list[Subject], list[Problem]]:
    """The nodes, and what keeps them from being told apart. `given` are names by host."""
    vips = {vip.address for live in found for one in _instances(live) for vip in one.vips}
    named = [(given.get(live.host) or live.hostname, live) for live in found]
    made = [Subject(name, address(live, vips), live) for name, live in named]
    return made, [*_problems(made)]


def address(live: Live, vips: set[str]) -> str:
    """The node's own: what it sends adverts from, or that on the interface of its first instance, "" = none.

    A VIP is none, also where adverts are sent from it.
    """
    found = _instances(live)
    for one in found:
        with suppress(ValueError):
            source = str(ip_address(one.unicast_source))
            if source not in vips:
                return source
    interface = found[0].interface if found else ""
    six = bool(found and found[0].vips and ":" in found[0].vips[0].address)
    own = [(name, one) for name, one in live.addresses if _may_be(one, vips)]
    own.sort(key=lambda pair: (pair[0] != interface, (pair[1].version == 6) != six))
    return str(own[0][1].ip) if own else ""


def _may_be(one: Interface, vips: set[str]) -> bool:
    return canonical(str(one.ip)) not in vips and not one.ip.is_link_local and not one.ip.is_loopback


def _instances(live: Live) -> tuple[Instance, ...]:
    document = live.document("keepalived")
    return instances(document) if document else ()


def _problems(made: Sequence[Subject]) -> Iterator[Problem]:
    names, addresses = Counter(one.name for one in made), Counter(one.address for one in made)
    for one in made:
        host = one.live.host
        if not NAME.fullmatch(one.name):
            yield Problem(f"{host}: {one.name!r} cannot be a node's name", mend=f"NAME={host}")
        if names[one.name] > 1:
            yield Problem(
                f"{host}: another host is {one.name} too", mend=f"is it the same one? or NAME={host}"
            )
        if not one.address:
            yield Problem(f"{host}: it has no address of its own but link-local ones")
        elif addresses[one.address] > 1:
            yield Problem(
                f"{host}: another host has the address {one.address} too", mend="is it the same one?"
            )
