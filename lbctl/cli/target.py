"""From the command line's file to a cluster and a way to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.transport.cluster import SshTransport


@contextmanager
def reached(file: Path, *, secrets: bool = True) -> Iterator[tuple[Cluster, SshTransport]]:
    """The cluster, and a transport whose connections are closed at the end.

    Raises InputError, and LabError for a cluster that lives only in a lab when none is up.
    """
    from lbctl.desired import load
    from lbctl.transport.cluster import SshTransport

    cluster = load(file, secrets=secrets)
    transport = SshTransport(cluster.nodes, _ssh_config(cluster) if cluster.lab_only else None)
    try:
        yield cluster, transport
    finally:
        transport.close()


def _ssh_config(cluster: Cluster) -> Path:
    from lbctl.errors import LabError
    from lbctl.lab.registry import find

    lab = find(cluster.name)
    if lab is None:
        mend = "boot one: lbctl lab up"
        raise LabError(f"no lab is up for cluster {cluster.name}, which lives in a lab only", mend=mend)
    return lab.ssh_config
