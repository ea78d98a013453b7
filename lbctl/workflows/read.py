"""Reading a cluster: all nodes, or an error that names every one that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lbctl.errors import LbctlError, NodeError
from lbctl.gather import gather
from lbctl.model.cluster import Cluster
from lbctl.model.event import Event, Gathering, NodeGathered
from lbctl.model.facts import Facts
from lbctl.transport.protocol import Reader

Emit = Callable[[Event], None]


def read(cluster: Cluster, reader: Reader, emit: Emit) -> Mapping[str, Facts | NodeError]:
    """Every node's facts, or why it could not be read."""
    emit(Gathering(tuple(node.name for node in cluster.nodes)))
    return gather(cluster, reader, lambda node, seconds: emit(NodeGathered(node, seconds)))


def read_all(cluster: Cluster, reader: Reader, emit: Emit) -> Mapping[str, Facts]:
    """Every node's facts. Raises LbctlError when one could not be read: nothing is planned blindly."""
    found = read(cluster, reader, emit)
    errors = [one for one in found.values() if isinstance(one, NodeError)]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise LbctlError(
            f"{len(errors)} of {len(found)} nodes could not be read",
            detail="\n".join(str(error) for error in errors),
        )
    return {name: one for name, one in found.items() if isinstance(one, Facts)}
