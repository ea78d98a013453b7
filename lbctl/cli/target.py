"""From the command line's file to a cluster and a way to reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.transport.cluster import SshTransport


@contextmanager
def reached(file: Path, *, secrets: bool = True) -> Iterator[tuple[Cluster, SshTransport]]:
    """The cluster, and a transport whose connections are being opened, and are closed at the end.

    Whatever else has to be imported is best imported now: the logins wait for the nodes meanwhile.
    Raises InputError, and LabError for a cluster that lives only in a lab when none is up.
    """
    from lbctl.desired import load
    from lbctl.transport.cluster import SshTransport

    cluster = load(file, secrets=secrets)
    transport = SshTransport(cluster.nodes, _ssh_config(cluster) if cluster.lab_only else None)
    patient = True
    try:
        transport.begin()
        yield cluster, transport
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        transport.close(wait=patient)


def _ssh_config(cluster: Cluster) -> Path:
    """The lab's of that cluster; of several, the one that LBCTL_LAB names by its prefix."""
    from lbctl.errors import LabError
    from lbctl.lab.registry import found

    wanted = os.environ.get("LBCTL_LAB", "")
    labs = [lab for lab in found() if lab.cluster == cluster.name and wanted in ("", lab.prefix)]
    if not labs:
        which = f"no lab {wanted} is up" if wanted else "no lab is up"
        mend = "boot one: lbctl lab up"
        raise LabError(f"{which} for cluster {cluster.name}, which lives in a lab only", mend=mend)
    if len(labs) > 1:
        names = ", ".join(lab.prefix for lab in labs)
        mend = f"choose one: LBCTL_LAB={labs[0].prefix} lbctl …"
        raise LabError(f"several labs are up for cluster {cluster.name}: {names}", mend=mend)
    return labs[0].ssh_config
