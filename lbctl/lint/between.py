"""What two clusters on one network have in common and may not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import permutations

from lbctl.errors import Problem
from lbctl.lint.part import Part, alone
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject
from lbctl.model.finding import Finding

Network = IPv4Network | IPv6Network

# Of an address whose network nobody tells: as large as they usually are.
_USUAL = {4: 24, 6: 64}


def between(subjects: Sequence[Subject]) -> tuple[Finding, ...]:
    """What each cluster has in common with another one, said in both. Two of one name are one cluster."""
    found: dict[Problem, list[str]] = {}
    for own, other in permutations(subjects, 2):
        if own.name == other.name:
            continue
        for node, one in _common(own, other):
            nodes = found.setdefault(one, [])
            if node not in nodes:
                nodes.append(node)
    findings = [Finding(one, tuple(nodes)) for one, nodes in found.items()]
    return tuple(sorted(findings, key=lambda one: one.order))


def _common(own: Subject, other: Subject) -> Iterator[tuple[str, Problem]]:
    theirs = tuple(alone(other))
    for part in alone(own):
        for one in theirs:
            same = {vip.address for vip in part.instance.vips} & {vip.address for vip in one.instance.vips}
            if same:
                said = f"{min(same)} of {part.name} is also a VIP of the cluster {other.name} ({one.name})"
                yield part.node, problem("vip-elsewhere", said, part.place)
            elif _hears(part, one) and _near(part, one):
                number = part.instance.virtual_router_id
                said = (
                    f"{part.name} has virtual_router_id {number}, and so has {one.name} of the cluster "
                    f"{other.name} on the same network"
                )
                yield part.node, problem("router-id-elsewhere", said, part.place)


def _hears(own: Part, other: Part) -> bool:
    """Do the adverts of one come in at the other, and are they of its router?"""
    a, b = own.advert, other.advert
    if not a or not b or a.unicast or b.unicast:
        return False
    return (a.virtual_router_id, a.family, a.group) == (b.virtual_router_id, b.family, b.group)


def _near(own: Part, other: Part) -> bool:
    mine, theirs = _networks(own), _networks(other)
    return any(a.version == b.version and a.overlaps(b) for a in mine for b in theirs)


def _networks(part: Part) -> set[Network]:
    """Where the instance is, as far as its VIPs and its node's address tell."""
    wide = {f"{vip.address}/{vip.prefix}" for vip in part.instance.vips if not vip.excluded}
    if part.machine.address:
        wide.add(part.machine.address)
    return {network for text in wide for network in _network(text)}


def _network(text: str) -> Iterator[Network]:
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return
    usual = _USUAL[found.version]
    yield found.supernet(new_prefix=usual) if found.prefixlen > usual else found
