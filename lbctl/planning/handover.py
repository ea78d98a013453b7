"""Whether a VIP can move without cutting a connection, and why not where it cannot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lbctl.errors import Problem
from lbctl.haproxy.additions import without_idle_close
from lbctl.haproxy.views import binds
from lbctl.keepalived.views import instances
from lbctl.model.cluster import HAPROXY_CFG
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, Resource
from lbctl.planning.meaning import live_document

LOSSLESS = "lossless: what is open on this one ends there first"

_TOOLS = (
    ("nft", "nftables", "packets of open connections cannot be sent on to it"),
    ("ss", "iproute2", "open connections cannot be counted"),
)


def manner(gathered: Mapping[str, Facts]) -> str:
    """For a reader of the plan: how the VIPs move between these nodes."""
    reasons = [why for why, _ in obstacles(gathered)]
    return f"plain, because {reasons[0]}" if reasons else LOSSLESS


def costs(gathered: Mapping[str, Facts], holder: str) -> Iterator[Problem]:
    """What it cuts: all, where they move plainly, and else what clients on the nodes themselves have open.

    The numbers are of now, and no part of what goes stale.
    """
    found = list(obstacles(gathered))
    own = [f"{facts.own_clients} on {facts.node}" for facts in gathered.values() if facts.own_clients]
    if own and not found:
        text = f"{holder}: connections of clients on the nodes themselves may be cut as the VIP moves"
        yield Problem(
            f"{text} ({', '.join(own)}): what goes to an address of the node's own takes no network",
            mend="those that ask again notice nothing; of any other kind keep none on these nodes",
            level="warning",
            code="own-clients",
        )
    if found:
        why = "; ".join(why for why, _ in found)
        cut = gathered[holder].connections
        text = f"{holder}: the VIP moves plainly; its {cut} open connections may be cut, because {why}"
        yield Problem(text, mend=found[0][1], level="warning", code="plain-handover")


def obstacles(gathered: Mapping[str, Facts]) -> Iterator[tuple[str, str]]:
    """Why no VIP can move losslessly, and the mend: each with the nodes that it is true of.

    Every node may become the new holder, and hand over in turn: all of them need it all.
    """
    nodes = tuple(gathered.values())
    for tool, package, without in _TOOLS:
        lacking = [facts.node for facts in nodes if tool not in facts.tools]
        if lacking:
            mend = f"packages: [{package}] in the cluster file installs it; a second apply has the use of it"
            yield f"{', '.join(lacking)}: {tool} is missing, so {without}", mend
    if len(nodes) > 1 and not frozenset.intersection(*(facts.networks for facts in nodes)):
        text = "no network that all of them are in, to send packets on directly"
        yield f"{', '.join(gathered)}: {text}", "let all nodes be in one network"
    for has, text, mend in _HABITS:
        found = [facts.node for facts in nodes if has(facts)]
        if found:
            yield f"{', '.join(found)}: {text}", mend


def _vmac(facts: Facts) -> bool:
    found = live_document(facts, "keepalived")
    return found is not None and any(one.vmac for one in instances(found))


def _udp(facts: Facts) -> bool:
    found = live_document(facts, "haproxy")
    return found is not None and any(bind.udp for bind in binds(found))


def _closes_idle(facts: Facts) -> bool:
    found = live_document(facts, "haproxy")
    return found is not None and bool(without_idle_close(found))


def _changed(facts: Facts) -> bool:
    """Is its haproxy.cfg another one than lbctl has put there? A soft stop is a reload, and would load it."""
    address = Address(facts.node, "file", HAPROXY_CFG)
    applied = facts.owner.applied(address) if facts.owner else None
    live = facts.live(address)
    if not facts.active("haproxy"):
        return False
    if facts.owner is None or applied is None or not isinstance(live, Resource) or live.content is None:
        return True
    return live.content.digest(facts.owner.key) != applied.value("content")


_HABITS: tuple[tuple[Callable[[Facts], bool], str, str], ...] = (
    (_vmac, "use_vmac gives the VIP a MAC address of its own", "leave use_vmac out"),
    (_udp, "it serves UDP, which has no connections", "what is QUIC comes again by itself"),
    (
        _closes_idle,
        "its HAProxy closes kept-alive connections under their clients",
        "idle-close in additions: mends that (HAProxy 2.4 or later)",
    ),
    (_changed, "its haproxy.cfg is not what lbctl put there, and a soft stop would load it", "lbctl apply"),
    (lambda facts: bool(facts.armed), "an apply was cut off there", "lbctl apply puts that back first"),
)
