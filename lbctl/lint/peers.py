"""What the nodes send each other: an advert that is not taken makes two masters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from lbctl.keepalived.advert import Awaited, unheard
from lbctl.lint.part import Found, Part, alone, listed, together
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject
from lbctl.model.ip import canonical, is_address


def unheard_adverts(subject: Subject) -> Found:
    """Two nodes of which one drops the other's adverts; nodes that send and take the same are one."""
    for group in together(subject):
        own = _addresses(group)
        for some, others in combinations(_alike(group), 2):
            for senders, receivers in ((some, others), (others, some)):
                reasons = list(_unheard(senders[0], receivers[0], own))
                if reasons:
                    sender, nodes = senders[0], listed([one.node for one in receivers])
                    said = (
                        f"adverts of {sender.name} from {sender.node} are dropped by {nodes} "
                        f"({'; '.join(reasons)}): two nodes hold the VIP"
                    )
                    place = receivers[0].place
                    both = (*some, *others)
                    yield from ((part.node, problem("peers-differ", said, place)) for part in both)
                    break


def _alike(group: Sequence[Part]) -> list[list[Part]]:
    """Nodes that send each other the same multicast stand for each other; unicast is every node's own."""
    found: dict[Awaited, list[Part]] = {}
    for part in group:
        if part.advert:
            name = part.node if part.advert.unicast else ""
            found.setdefault(replace(part.advert, instance=name, interface="", source=""), []).append(part)
    return list(found.values())


def _unheard(sender: Part, receiver: Part, own: dict[str, str]) -> Iterator[str]:
    if not sender.advert or not receiver.advert:
        return
    address = own.get(receiver.node) or "".join(sender.advert.peers[:1])
    if not sender.advert.unicast or is_address(receiver.advert.source or address):
        yield from unheard(sender.advert, receiver.advert, own.get(sender.node, ""), address)


def _addresses(group: Sequence[Part]) -> dict[str, str]:
    """The nodes' addresses on the VRRP network. Where no list of peers knows any of them, they are of another
    network, and nothing can be said."""
    own = {one.node: canonical(one.machine.address) for one in group if one.machine.address}
    peers = {peer for one in group if one.advert for peer in one.advert.peers}
    return own if peers.intersection(own.values()) else {}


def foreign_source(subject: Subject) -> Found:
    """`unicast_src_ip` that the node does not have, mostly because the file was copied."""
    nodes = {canonical(one.address): one.name for one in subject.machines if one.address}
    for part in alone(subject):
        source = part.advert.source if part.advert else ""
        node, own = nodes.get(source, part.node), part.machine.addresses
        if source and (node != part.node or (own is not None and source not in own)):
            whose = f"{node}'s" if node != part.node else "no address of it"
            said = f"{part.node} sends its adverts of {part.name} from {source}, which is {whose}"
            yield part.node, problem("foreign-source", said, part.place)


def own_peer(subject: Subject) -> Found:
    """Nodes that send their adverts to themselves."""
    for part in alone(subject):
        own = {canonical(part.machine.address), part.advert.source if part.advert else ""}
        for peer in part.advert.peers if part.advert else ():
            if peer in own:
                said = f"{part.node} has itself ({peer}) among the unicast_peer of {part.name}"
                yield part.node, problem("peer-self", said, part.place)


CHECKS: tuple[Callable[[Subject], Found], ...] = (unheard_adverts, foreign_source, own_peer)
