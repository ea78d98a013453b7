"""How long a node's turn takes when all goes well."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from lbctl.model.cluster import Cluster
from lbctl.model.effect import Scope
from lbctl.model.plan import Plan, StepName
from lbctl.planning import election as vrrp
from lbctl.planning import join
from lbctl.planning.instant import election_seconds
from lbctl.planning.meaning import document

_REST = 2  # seconds for everything but elections: measured 0.5 on an idle machine, 0.8 at a load of 8
_INSTANT = 4  # seconds more for nodes that wait for one instant, and for each other before the confirm
_JOINS = 2  # seconds until a keepalived that starts waits for adverts


def least_seconds(cluster: Cluster, plan: Plan) -> int:
    """Seconds that the longest turn needs: with a shorter time to confirm, a healthy node would undo itself.

    A master waits for two elections, when its VIPs leave and when they come back; a node whose keepalived
    starts hears the others for as long as one takes, and stands back for another. Nodes that change what
    peers compare wait for `election_seconds`.
    """
    election = vrrp.patience(_candidates(cluster))
    names = {step.name for step in plan.steps}
    waits = [0.0]
    if StepName.HANDOVER in names:
        waits.append(2 * election)
    if StepName.TAKE in names:
        shared = (change for change in plan.changes if change.scope is Scope.CLUSTER)
        waits.append(_INSTANT + max(election_seconds(change) for change in shared))
    if join.starts(plan.changes):
        waits.append(_JOINS + 2 * election)
    return ceil(_REST + max(waits))


def _candidates(cluster: Cluster) -> Iterator[vrrp.Candidate]:
    for node in cluster.nodes:
        file = node.file_of("keepalived")
        yield from vrrp.candidates(node.name, document("keepalived", file.content) if file else None)
