"""What nodes have for the time of a handover that cuts no connection, as text; and how its end is seen. Pure.

A connection that the new holder accepts begins with a SYN, which it remembers in the set `mine`. Every
other TCP packet for the VIP belongs to a connection that the old holder still serves, and is sent on to it.
The hook comes before conntrack (-300) and needs none: with a rule on conntrack's states 9 to 15 of a million
requests failed, for a node remembers connections from its last turn as master (measured); and it comes before
firewalls that drop what is invalid to them.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lbctl.host.facts import of_addresses
from lbctl.model.command import Probe

TABLE = "lbctl_handover"
_PRIORITY = -310
_MOST = 1_000_000  # connections that begin on one node in the time of a handover
_ERRORS = {
    "ip": "icmp type destination-unreachable",
    "ip6": "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
}
_TYPES = {"ip": "ipv4_addr", "ip6": "ipv6_addr"}
# of what is closed already, nothing is awaited that the client would miss
_OPEN = ("established", "fin-wait-1", "close-wait", "last-ack", "closing", "syn-recv")
# HAProxy has nothing to do with these yet, or no more: the kernel goes on sending for up to two minutes
_KERNELS = ("SYN-RECV", "FIN-WAIT-1", "LAST-ACK", "CLOSING")
_SENT_AGAIN = re.compile(r"timer:\(on,[^,]*,(\d+)\)")
_UNANSWERED = 3  # times: for more than a second, in SYN-RECV for seven


@dataclass(frozen=True)
class Sent:
    """These VIPs, all of one family, are the node's at `address`, which is reached over `device`."""

    vips: tuple[str, ...]
    address: str
    device: str


def family(address: str) -> str:
    """As nft calls it."""
    return "ip6" if ":" in address else "ip"


def rules(families: Sequence[str], sent: Iterable[Sent]) -> str:
    """For one `nft -f -`, which does all of it or nothing: of each family no table but this one.

    Without anything to send on in a family: none. The same text twice does no harm.
    """
    places = tuple(sent)
    return "".join(
        f"table {one} {TABLE} {{}}\ndelete table {one} {TABLE}\n"
        + _table(one, [place for place in places if family(place.address) == one])
        for one in families
    )


def _table(family: str, sent: Sequence[Sent]) -> str:
    return "\n".join(_lines(family, sent)) + "\n" if sent else ""


def _lines(family: str, sent: Sequence[Sent]) -> Iterator[str]:
    address = _TYPES[family]
    flow = f"{family} saddr . tcp sport . {family} daddr . tcp dport"
    yield f"table {family} {TABLE} {{"
    kind = f"{address} . inet_service . {address} . inet_service"
    yield f"  set mine {{ type {kind}; flags dynamic; size {_MOST}; }}"
    for number, one in enumerate(sent):
        on = f'dup to {one.address} device "{one.device}"'
        yield f"  chain from{number} {{"
        yield '    iif "lo" return'  # a client on this node itself: nobody else's
        yield f"    {_ERRORS[family]} {on} return"
        yield "    meta l4proto != tcp return"
        yield f"    tcp flags & (fin|syn|rst|ack) == syn add @mine {{ {flow} }} return"
        yield f"    {flow} @mine return"
        yield f"    {on}"
        yield "    drop"
        yield "  }"
    yield "  chain pre {"
    yield f"    type filter hook prerouting priority {_PRIORITY}; policy accept;"
    for number, one in enumerate(sent):
        yield f"    {family} daddr {{ {', '.join(one.vips)} }} jump from{number}"
    yield "  }"
    yield "}"


def open_probe(vips: Sequence[str], own: Iterable[str] = ()) -> Probe:
    """The connections to these addresses that are not over.

    Without those that come from addresses of the nodes' `own`: the new holder's clients can end none, and the
    old one's go on beginning new ones, for as long as it has the VIP on lo.
    """
    states = " ".join(f"state {state}" for state in _OPEN)
    others = "".join(f" and not dst [{one}]" if ":" in one else f" and not dst {one}" for one in own)
    return Probe("open", f"ss -Htno {states} {of_addresses(vips)}{shlex.quote(others) if others else ''}")


def open_ports(said: str) -> Counter[int]:
    """How many connections are open to each port: `open_probe` says State Recv-Q Send-Q Local Peer, and for
    how long what was sent last has not been acknowledged.
    """
    rows = (line.split() for line in said.splitlines())
    return Counter(int(row[3].rpartition(":")[2]) for row in rows if len(row) >= 5 and not _gone(row))


def _gone(row: Sequence[str]) -> bool:
    """Is there no client any more, who would miss it?"""
    sent_again = _SENT_AGAIN.match(row[-1])
    return row[0] in _KERNELS and sent_again is not None and int(sent_again[1]) >= _UNANSWERED
