"""plan: gather, compare, order. Reads only."""

from __future__ import annotations

import time
from dataclasses import replace

from lbctl.model.cluster import Cluster
from lbctl.model.plan import Plan
from lbctl.model.restart import NO_RESTART, Restart
from lbctl.store.workspace import ClusterState
from lbctl.transport.protocol import Reader
from lbctl.workflows.read import Emit, read_all, whole
from lbctl.workflows.upgrade import offered


def plan(
    cluster: Cluster, state: ClusterState, reader: Reader, emit: Emit, restart: Restart = NO_RESTART
) -> Plan:
    """What would be done now. Raises LbctlError when a node cannot be read."""
    cluster, gathered = whole(cluster, read_all(cluster, reader, emit), reader, emit)
    wish = offered(restart, cluster, reader)
    # imported here: it takes 20 ms, in which the nodes were asked already
    from lbctl.planning.plan import make
    from lbctl.workflows.applied import told_apart

    made = make(cluster, gathered, now(), cluster.problems, wish)
    return replace(made, apart=told_apart(cluster, state, gathered, made.changes))


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
