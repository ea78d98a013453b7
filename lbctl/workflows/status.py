"""status: how the nodes of the file stand, and what their records say of others."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.errors import NodeError
from lbctl.model.cluster import Cluster
from lbctl.model.facts import Facts
from lbctl.planning import roster


def notes(cluster: Cluster, found: Mapping[str, Facts | NodeError]) -> Mapping[str, str]:
    """By node: that it is behind, or is not in the file any more and is to be retired. Nobody is asked."""
    gathered = {name: one for name, one in found.items() if isinstance(one, Facts)}
    behind = {name: roster.behind_text(plan) for name, plan in roster.behind(cluster, gathered).items()}
    gone = "it is not in the cluster file any more: the next apply retires it"
    return {**behind, **{node.name: gone for node in roster.leavers(cluster, gathered)}}
