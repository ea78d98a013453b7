"""Reading a cluster: all nodes, or an error that names every one that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lbctl.errors import LbctlError, NodeError
from lbctl.gather import gather
from lbctl.model.cluster import Cluster
from lbctl.model.event import Event, Gathering, NodeGathered
from lbctl.model.facts import Facts
from lbctl.planning.roster import leavers
from lbctl.transport.protocol import Reader

Emit = Callable[[Event], None]


def read(
    cluster: Cluster, reader: Reader, emit: Emit, *, layers: bool = False
) -> Mapping[str, Facts | NodeError]:
    """Every node's facts, or why it could not be read. `layers` as in gather."""
    emit(Gathering(tuple(node.name for node in cluster.nodes)))
    return gather(cluster, reader, lambda node, seconds: emit(NodeGathered(node, seconds)), layers=layers)


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


def whole(
    cluster: Cluster, gathered: Mapping[str, Facts], reader: Reader, emit: Emit
) -> tuple[Cluster, dict[str, Facts]]:
    """The cluster with the nodes that are to go, and the facts of all of them.

    Nobody is asked anything more while the file and the nodes' records name the same nodes. Of one that can
    no longer be retired a problem says why.
    """
    leaving = leavers(cluster, gathered)
    if not leaving:
        return cluster, dict(gathered)
    from lbctl.planning import retire  # it takes its time, and is hardly ever needed

    for node in leaving:
        reader.add(node)
    found = read(replace(cluster, nodes=leaving), reader, emit)
    problems = (retire.obstacle(cluster, node, found[node.name]) for node in leaving)
    retired = tuple(node for node in leaving if retire.due(cluster, node, found[node.name]))
    facts = {node.name: one for node in retired if isinstance(one := found[node.name], Facts)}
    wider = replace(
        cluster, retired=retired, problems=(*cluster.problems, *(one for one in problems if one is not None))
    )
    return wider, {**gathered, **facts}
