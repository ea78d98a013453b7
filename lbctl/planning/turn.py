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

# seconds for everything but elections: measured 0.5 on an idle machine, and once more than 2 at a load of 5,
# counted in the node's whole seconds, of which the first may be short
_REST = 3
_INSTANT = 4  # seconds more for nodes that wait for one instant, and for each other before the confirm
_HANDOVER = 2  # seconds that VIPs are on two nodes, as they leave and come back: a turn took 7 at a load of 7
_JOINS = 2  # seconds until a keepalived that starts waits for adverts
_INSTALL = 20  # seconds for packages that are fetched already: a few on an idle machine, more on a slow disk


def least_seconds(cluster: Cluster, plan: Plan) -> int:
    """Seconds that the longest turn needs: with a shorter time to confirm, a healthy node would undo itself.

    A master waits for two elections, when its VIPs leave and when they come back; a node whose keepalived
    starts hears the others for as long as one takes, and stands back for another. Nodes that change what
    peers compare wait for `election_seconds`. An upgrade installs its packages beside that.
    """
    election = vrrp.patience(_candidates(cluster))
    names = {step.name for step in plan.steps}
    waits = [0.0]
    if StepName.HANDOVER in names:
        waits.append(_HANDOVER + 2 * election)
    if StepName.TAKE in names:
        shared = (change for change in plan.changes if change.scope is Scope.CLUSTER)
        waits.append(_INSTANT + max(election_seconds(change) for change in shared))
    if join.starts(plan.changes):
        waits.append(_JOINS + 2 * election)
    install = _INSTALL if StepName.UPGRADE in names else 0
    return ceil(_REST + install + max(waits))


def drain_seconds(cluster: Cluster, plan: Plan, confirm_within: int) -> int:
    """Seconds that the time to confirm leaves for connections to end, when the VIPs leave and come back."""
    return max(confirm_within - least_seconds(cluster, plan), 0) // 2


def _candidates(cluster: Cluster) -> Iterator[vrrp.Candidate]:
    for node in cluster.nodes:
        file = node.file_of("keepalived")
        yield from vrrp.candidates(node.name, document("keepalived", file.content) if file else None)
