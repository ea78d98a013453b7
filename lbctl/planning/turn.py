"""How long a node's turn takes when all goes well."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from lbctl.model.cluster import Cluster
from lbctl.model.plan import Plan, StepName
from lbctl.planning import election, join
from lbctl.planning.meaning import document

_REST = 6  # seconds for everything but elections: measured 0.5 on an idle machine, 0.8 at a load of 8
_INSTALL = 20  # seconds for packages that are fetched already: a few on an idle machine, more on a slow disk


def least_seconds(cluster: Cluster, plan: Plan) -> int:
    """Seconds that the longest turn needs: with a shorter time to confirm, a healthy node would undo itself.

    A master waits for two elections, when its VIPs leave and when they come back; nodes that change what
    peers compare, or whose keepalived starts, for one. Each takes 3 × advert_int and up to 1 s (RFC 5798).
    """
    advert = max((c.advert_int for c in _candidates(cluster)), default=0.0)
    names = {step.name for step in plan.steps}
    one = StepName.TAKE in names or join.starts(plan.changes)
    elections = 2 if StepName.HANDOVER in names else 1 if one else 0
    install = _INSTALL if StepName.UPGRADE in names else 0
    return ceil(_REST + install + elections * (3 * advert + 1))


def drain_seconds(cluster: Cluster, plan: Plan, confirm_within: int) -> int:
    """Seconds that the time to confirm leaves for connections to end, when the VIPs leave and come back."""
    return max(confirm_within - least_seconds(cluster, plan), 0) // 2


def _candidates(cluster: Cluster) -> Iterator[election.Candidate]:
    for node in cluster.nodes:
        file = node.file_of("keepalived")
        yield from election.candidates(node.name, document("keepalived", file.content) if file else None)
