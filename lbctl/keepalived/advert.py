"""VRRP's adverts: which ones an instance waits for, how one reads, and why keepalived would drop it. Pure.

Layouts: RFC 3768 (version 2, with the authentication of RFC 2338) and RFC 5798 (version 3). What keepalived
drops is measured with 2.2.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from lbctl.document import Document
from lbctl.keepalived.election import master_down
from lbctl.keepalived.settings import DOWN_TIMER_ADVERTS
from lbctl.keepalived.tables import AUTH_PASS_LENGTH
from lbctl.keepalived.views import Instance, PeerView, instances, peer_view
from lbctl.model.ip import canonical

VRRP, AH = 112, 51  # IP protocols
UNSPECIFIED = "0.0.0.0"
HOPS = 255  # one that is less came through a router
_GROUPS = {4: "224.0.0.18", 6: "ff02::12"}
_GROUP_WORDS = {4: "vrrp_mcast_group4", 6: "vrrp_mcast_group6"}
_AUTH_TYPES = {"PASS": 1, "AH": 2}
_LENGTHS = {4: 4, 6: 16}


@dataclass(frozen=True)
class Advert:
    """One as it came in. `advert_int` in seconds, `password` as sent, without what fills it up."""

    interface: str
    source: str
    destination: str
    hops: int
    version: int
    virtual_router_id: int
    advert_int: float
    auth_type: int
    password: bytes = field(repr=False)
    addresses: frozenset[str]


@dataclass(frozen=True)
class Awaited:
    """What an instance compares an advert with. `group` is what it joins, also where its peers are named;
    `source` is the address that it sends from, "" = the interface's own."""

    instance: str
    interface: str
    family: int
    protocol: int
    group: str
    unicast: bool
    version: int
    virtual_router_id: int
    advert_int: float
    auth_type: int
    password: bytes = field(repr=False)
    addresses: frozenset[str]
    vips: frozenset[str]
    peers: tuple[str, ...] = ()
    source: str = ""
    down_timer_adverts: int = DOWN_TIMER_ADVERTS

    @property
    def place(self) -> str:
        """Where to listen, for the node: FAMILY/PROTOCOL/GROUP/INTERFACE."""
        return f"{self.family}/{self.protocol}/{self.group}/{self.interface}"

    @property
    def patience(self) -> float:
        """Seconds without such an advert after which it makes itself master, at most."""
        return master_down(self.down_timer_adverts, self.advert_int, self.version)


def awaited(document: Document) -> tuple[Awaited, ...]:
    """What every instance waits for that has an interface of its own and a virtual address."""
    views = {view.instance: view for view in peer_view(document)}
    return tuple(_awaited(one, views[one.name]) for one in instances(document) if one.vips and one.interface)


def unheard(sender: Awaited, receiver: Awaited, source: str, address: str) -> Iterator[str]:
    """Why the receiver, whose own address is `address`, does not hear the sender, whose own is `source`.

    Nothing = it does, as far as the configuration tells: both are taken to be on one segment.
    """
    yield from unreached(sender, receiver, address)
    if _alike(sender, receiver):
        at = receiver.source or canonical(address)
        yield from objections(receiver, _sent(sender, source, at))


def unreached(sender: Awaited, receiver: Awaited, address: str) -> Iterator[str]:
    """Why the sender's adverts do not even come to the receiver, whose own address is `address`."""
    at = receiver.source or canonical(address)
    if sender.virtual_router_id != receiver.virtual_router_id:
        yield f"virtual_router_id {sender.virtual_router_id}, and {receiver.virtual_router_id} here"
    elif not _alike(sender, receiver):
        yield "another auth_type" if sender.family == receiver.family else "another address family"
    elif not sender.unicast and not receiver.unicast and sender.group != receiver.group:
        yield f"sent to {sender.group}, and {receiver.group} is joined here"
    elif sender.unicast and receiver.unicast and at not in sender.peers:
        yield f"{at} is not among its unicast_peer"


def _alike(sender: Awaited, receiver: Awaited) -> bool:
    """Do they speak of one router, over the same protocol?"""
    one, other = ((each.virtual_router_id, each.family, each.protocol) for each in (sender, receiver))
    return one == other


def _sent(one: Awaited, source: str, to: str) -> Advert:
    """The advert that the instance sends there while it is master."""
    return Advert(
        interface=one.interface,
        source=one.source or canonical(source),
        destination=_literal(to, UNSPECIFIED) if one.unicast else _literal(one.group, _GROUPS[one.family]),
        hops=HOPS,
        version=one.version,
        virtual_router_id=one.virtual_router_id,
        advert_int=one.advert_int,
        auth_type=one.auth_type,
        password=one.password,
        addresses=one.addresses,
    )


def _literal(text: str, otherwise: str) -> str:
    """The address; of one that the daemon expands nobody knows more than of which sort it is."""
    try:
        return str(ip_address(text))
    except ValueError:
        return otherwise


def _awaited(one: Instance, view: PeerView) -> Awaited:
    kind = (
        _AUTH_TYPES.get("".join(_value(view, "authentication", "auth_type")), 0) if one.authenticated else 0
    )
    words = _GROUP_WORDS[one.family]
    group = _value(view, "mcast_dst_ip") or _value(view, words) or [_GROUPS[one.family]]
    return Awaited(
        instance=one.name,
        interface=one.interface,
        family=one.family,
        protocol=AH if kind == _AUTH_TYPES["AH"] else VRRP,
        group=group[0],
        unicast=bool(one.peers),
        version=one.version,
        virtual_router_id=one.virtual_router_id,
        advert_int=one.advert_int,
        auth_type=kind,
        password="".join(_value(view, "authentication", "auth_pass")).encode()[:AUTH_PASS_LENGTH],
        addresses=frozenset(vip.address for vip in one.vips if not vip.excluded),
        vips=frozenset(vip.address for vip in one.vips),
        peers=tuple(map(canonical, one.peers)),
        source=one.unicast_source,
        down_timer_adverts=one.down_timer_adverts,
    )


def _value(view: PeerView, *words: str) -> Sequence[str]:
    """The one value after these words; none = it is not set."""
    found = [line[len(words) :] for line in view.values if line[: len(words)] == words]
    return found[-1][:1] if found else ()


def heard(said: str) -> Iterator[Advert]:
    """What came in, as the node prints it: `advert`, interface, source, destination, hops, bytes in hex.

    What is no advert is left out.
    """
    for line in said.splitlines():
        word, *words = line.split() or [""]
        if word != "advert":
            continue
        try:
            packet, hops = bytes.fromhex("".join(words[4:])), int(words[3])
            source, destination = (str(ip_address(word.strip("[]"))) for word in words[1:3])
            yield _advert(words[0], source, destination, hops, packet)
        except (ValueError, IndexError):
            continue


def _advert(interface: str, source: str, destination: str, hops: int, packet: bytes) -> Advert:
    """Raises ValueError and IndexError for bytes that are no advert."""
    if packet[0] == VRRP:  # an authentication header goes before it, and says how long it is
        packet = packet[(packet[1] + 2) * 4 :]
    version, kind = packet[0] >> 4, packet[0] & 15
    if kind != 1 or version not in (2, 3):
        raise ValueError("no advert")
    size = _LENGTHS[ip_address(source).version]
    end = 8 + packet[3] * size
    if len(packet) < end:
        raise ValueError("cut short")
    addresses = (ip_address(packet[at : at + size]) for at in range(8, end, size))
    interval = float(packet[5]) if version == 2 else int.from_bytes(packet[4:6], "big") % 4096 / 100
    return Advert(
        interface=interface,
        source=source,
        destination=destination,
        hops=hops,
        version=version,
        virtual_router_id=packet[1],
        advert_int=interval,
        auth_type=packet[4] if version == 2 else 0,
        password=packet[end : end + AUTH_PASS_LENGTH].rstrip(b"\0") if version == 2 else b"",
        addresses=frozenset(map(str, addresses)),
    )


def objections(wanted: Awaited, advert: Advert) -> Iterator[str]:
    """Why the instance would not take this advert of its router for its master's. Never a secret's value."""
    if advert.version != wanted.version:
        yield f"VRRP version {advert.version}, and {wanted.version} here"
        return
    if ip_address(advert.destination).is_multicast == wanted.unicast:
        yield f"sent to {advert.destination}, and unicast_peer is {'' if wanted.unicast else 'not '}set here"
    if not wanted.unicast and advert.hops != HOPS:
        yield f"sent through a router (TTL {advert.hops})"
    # version 3 goes by the master's interval
    if wanted.version == 2 and advert.advert_int != wanted.advert_int:
        yield f"advert_int {advert.advert_int:g}, and {wanted.advert_int:g} here"
    if advert.auth_type != wanted.auth_type:
        yield "another auth_type"
    elif wanted.auth_type == _AUTH_TYPES["PASS"] and advert.password != wanted.password:
        yield "another auth_pass"
    if advert.addresses != wanted.addresses:
        yield f"for {_names(advert.addresses)}, and {_names(wanted.addresses)} here"


def _names(addresses: frozenset[str]) -> str:
    return ", ".join(sorted(addresses)) or "no address"
