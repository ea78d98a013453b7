"""drift --counters: keepalived's own counters, twice. The one question that signals a daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from lbctl.errors import NodeError
from lbctl.keepalived.counters import OFF, REFUSED, Counters, counters, grown
from lbctl.keepalived.views import instances
from lbctl.model.cluster import Cluster
from lbctl.model.command import command
from lbctl.model.event import Gathering, NodeGathered
from lbctl.model.report import COUNTERS, DriftItem
from lbctl.model.resource import Address
from lbctl.planning.meaning import document
from lbctl.transport.at_once import at_once
from lbctl.transport.protocol import Transport
from lbctl.workflows.read import Emit


def disagreements(cluster: Cluster, transport: Transport, emit: Emit) -> tuple[DriftItem, ...]:
    """What grows between two looks, some adverts apart: a node refuses what another one sends.

    Nodes that cannot be reached are drift's to name. One whose keepalived would die of the question, or has
    no answer to it, is not asked: a note says why.
    """
    began, seconds = time.monotonic(), _seconds(cluster)
    emit(Gathering(tuple(node.name for node in cluster.nodes)))
    first = _look(cluster, transport)
    if any(not said.startswith(OFF) for said in first.values()):
        time.sleep(seconds)
    second = _look(cluster, transport) if first else {}
    found: list[DriftItem] = []
    for one in cluster.nodes:
        emit(NodeGathered(one.name, time.monotonic() - began))
    for node in first.keys() & second.keys():
        found += _items(node, first[node], second[node], seconds)
    return tuple(sorted(found, key=lambda item: (item.node, item.address, item.text)))


def _seconds(cluster: Cluster) -> float:
    """For three adverts to arrive, and a little more."""
    files = (node.file_of("keepalived") for node in cluster.nodes)
    documents = (document("keepalived", file.content) for file in files if file)
    return 1 + 3 * max((one.advert_int for d in documents if d for one in instances(d)), default=1.0)


def _look(cluster: Cluster, transport: Transport) -> Mapping[str, str]:
    """By node: what it says; without those that cannot be reached."""

    def ask(node: str) -> str | None:
        try:
            return transport.run(node, [command("vrrp_counters")])[0].strip()
        except NodeError:
            return None

    names = [node.name for node in cluster.nodes]
    found = zip(names, at_once(ask, names), strict=True)
    return {name: said for name, said in found if said is not None}


def _items(node: str, first: str, second: str, seconds: float) -> Iterator[DriftItem]:
    off = next((said for said in (first, second) if said.startswith(OFF)), "")
    if off:
        yield DriftItem(
            node, "note", node, text=f"its keepalived's counters cannot be had: {off.removeprefix(OFF)}"
        )
        return
    more: Counters = grown(counters(first), counters(second))
    for (instance, name), number in more.items():
        text = f"{name} has grown by {number} in {seconds:g} s: it refuses adverts, because {REFUSED[name]}"
        yield DriftItem(node, COUNTERS, str(Address(node, "vrrp_instance", instance)), text=text)
