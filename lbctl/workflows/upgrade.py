"""upgrade: what the nodes' apt says, before the plan, again under the locks, and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from lbctl.errors import CommandError, NodeError, Problem
from lbctl.host import offer
from lbctl.host.package import versions, versions_probe
from lbctl.model.cluster import Cluster
from lbctl.model.command import command
from lbctl.model.event import Gathering, NodeGathered
from lbctl.model.report import PackageOutcome
from lbctl.model.restart import Restart
from lbctl.model.upgrade import Offer, Upgrade
from lbctl.transport.protocol import Reader, Transport
from lbctl.workflows.read import Emit

UPDATE_SECONDS = 60
"""That a node's apt may ask its sources. Where it takes longer, what apt knew before stands."""
_POLICY_SECONDS = 60
_AT_ONCE = 32

Found = TypeVar("Found")


def updated(wish: Upgrade, cluster: Cluster, transport: Transport, emit: Emit) -> Upgrade:
    """Have every node's apt ask its sources, which changes apt's lists and nothing else.

    Where that fails, the wish warns of it. Raises NodeError for a node that cannot be reached.
    """

    def update(node: str) -> str:
        began = time.monotonic()
        try:
            words = command("apt_update", str(UPDATE_SECONDS))
            transport.run(node, [words], timeout=UPDATE_SECONDS + 30)
        except CommandError as error:
            # apt's first complaint names the source; its last sums up
            return next((line for line in error.evidence if line.startswith("E: ")), error.summary)
        finally:
            emit(NodeGathered(node, time.monotonic() - began))
        return ""

    nodes = wish.among([node.name for node in cluster.nodes])
    emit(Gathering(nodes))
    said = _everywhere(update, nodes)
    warnings = (
        Problem(
            f"{node}: apt-get update failed, so its candidates may be old: {why}",
            level="warning",
            code="sources",
            mend="mend its sources; --no-update goes by what apt knows",
        )
        for node, why in zip(nodes, said, strict=True)
        if why
    )
    return replace(wish, warnings=tuple(warnings))


def offered(wish: Restart, cluster: Cluster, reader: Reader) -> Restart:
    """An upgrade with what its nodes offer now; nothing is asked for a restart. Raises NodeError."""
    if not isinstance(wish, Upgrade):
        return wish
    units = wish.units

    def ask(node: str) -> tuple[Offer, ...] | None:
        return offer.offers(units, reader.ask(node, offer.probes(units), timeout=_POLICY_SECONDS))

    nodes = wish.among([node.name for node in cluster.nodes])
    found = zip(nodes, _everywhere(ask, nodes), strict=True)
    return replace(wish, offers={node: offers for node, offers in found if offers is not None})


def outcomes(wish: Restart, node: str, reader: Reader) -> tuple[PackageOutcome, ...]:
    """The versions of an upgrade's packages before it, and now. Raises nothing."""
    offers = wish.offers.get(node, ()) if isinstance(wish, Upgrade) else ()
    if not offers:
        return ()
    try:
        answers = reader.ask(node, [versions_probe([one.package for one in offers])])
    except NodeError:
        answers = {}
    now = versions(answers) or {}
    return tuple(PackageOutcome(one.package, one.installed, now.get(one.package, "")) for one in offers)


def _everywhere(do: Callable[[str], Found], nodes: Sequence[str]) -> list[Found]:
    """On all nodes at once; the first error in their order."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(do, nodes))
