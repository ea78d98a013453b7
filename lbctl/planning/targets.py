"""Which ports are asked while a rollout walks: those of the VIPs that answer before it and shall after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lbctl.document import Document
from lbctl.haproxy.views import binds, proxies
from lbctl.model.cluster import HAPROXY_CFG, Cluster, Node
from lbctl.model.facts import Facts
from lbctl.model.outage import Target
from lbctl.model.resource import Address, Resource
from lbctl.planning.meaning import document
from lbctl.planning.order import vip_addresses


def targets(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[Target, ...]:
    """The binds of VIPs in the file of a node that holds them which every desired file has too.

    A port that comes or goes with this rollout is none of them. A request is one of HTTP where the port
    speaks that now and later, and nothing before it (TLS, the PROXY protocol).
    """
    vips = vip_addresses(cluster)
    now: dict[tuple[str, int], bool] = {}
    for name, facts in gathered.items():
        live = facts.live(Address(name, "file", HAPROXY_CFG))
        read = document("haproxy", live.content) if isinstance(live, Resource) else None
        now.update(_ports(read, facts.held & vips) if read and facts.active("haproxy") else ())
    later = [dict(_ports(one, vips)) for one in _desired(cluster.nodes)]
    return tuple(
        Target(address, port, http and all(one[address, port] for one in later))
        for (address, port), http in sorted(now.items())
        if all((address, port) in one for one in later)
    )


def _desired(nodes: Iterable[Node]) -> Iterator[Document]:
    for node in nodes:
        file = node.file_of("haproxy")
        read = document("haproxy", file.content) if file else None
        if read is not None:
            yield read


def _ports(read: Document, vips: frozenset[str]) -> Iterator[tuple[tuple[str, int], bool]]:
    """Each port of these VIPs, and whether it speaks plain HTTP."""
    modes = {(one.kind, one.name): one for one in proxies(read)}
    speaks = {one.name: one.mode == "http" for one in modes.values() if one.kind in ("frontend", "listen")}
    off = {one.name for one in modes.values() if one.disabled}
    for bind in binds(read):
        if bind.socket or bind.udp or not bind.first_port or bind.proxy in off:
            continue
        http = speaks.get(bind.proxy, False) and not (bind.ssl or bind.accept_proxy)
        for address in filter(bind.answers, vips):
            yield (address, bind.first_port), http  # of a range one port is enough
