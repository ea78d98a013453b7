"""election: who holds the VIPs when nodes or their HAProxys are dead. Reads only, or not even that."""

from __future__ import annotations

from lbctl.model.cluster import Cluster
from lbctl.model.election import ElectionTable
from lbctl.planning.elections import party
from lbctl.planning.elections.table import table
from lbctl.transport.protocol import Reader
from lbctl.workflows.read import Emit, read_all


def desired(cluster: Cluster) -> ElectionTable:
    """Of the nodes as the cluster file wants them. Connects to nothing."""
    return table(party.desired(cluster))


def live(cluster: Cluster, reader: Reader, emit: Emit) -> ElectionTable:
    """Of the nodes as they run, beginning with who holds the VIPs now. Raises LbctlError when a node cannot
    be read."""
    gathered = read_all(cluster, reader, emit)
    return table(party.live(cluster, gathered), party.holders(gathered))
