"""From the command line's file to a cluster and a way to reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.transport.cluster import SshTransport


@contextmanager
def reached(
    file: Path, *, secrets: bool = True, login: bool = True, exclude: Sequence[str] | None = None
) -> Iterator[tuple[Cluster, SshTransport]]:
    """The cluster, and a transport whose connections are being opened, and are closed at the end.

    Whatever else has to be imported is best imported now: the logins wait for the nodes meanwhile.
    Nodes that are excluded are not connected to. Without `secrets` only what `login` needs is resolved.
    Raises InputError, UsageError, and LabError for a cluster that lives only in a lab when none is up.
    """
    from lbctl.desired import load
    from lbctl.transport.cluster import SshTransport

    cluster = without(load(file, secrets=secrets, login=login), exclude or ())
    transport = SshTransport(cluster.nodes, lab_config(cluster.name) if cluster.lab_only else None)
    patient = True
    try:
        transport.begin()
        yield cluster, transport
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        transport.close(wait=patient)


def without(cluster: Cluster, names: Sequence[str]) -> Cluster:
    """The cluster with these nodes left out. Raises UsageError for an unknown name, and for all of them."""
    from lbctl.errors import UsageError

    for name in names:
        known(cluster, name)
    found = cluster.without(names)
    if not found.nodes:
        raise UsageError("every node is excluded: nothing is left", mend="leave one of them in")
    return found


def known(cluster: Cluster, name: str) -> None:
    """Raises UsageError when the cluster file has no node of this name."""
    from difflib import get_close_matches

    from lbctl.errors import UsageError

    names = [*(node.name for node in cluster.nodes), *cluster.excluded]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no node {name} in {cluster.file}", mend=f"{meant}it has {', '.join(names)}"
        )


def lab_config(cluster: str) -> Path:
    """ssh's own for the lab of that cluster; of several, the one that LBCTL_LAB names by its prefix."""
    from lbctl.errors import LabError
    from lbctl.lab.registry import found

    wanted = os.environ.get("LBCTL_LAB", "")
    labs = [lab for lab in found() if lab.cluster == cluster and wanted in ("", lab.prefix)]
    if not labs:
        which = f"no lab {wanted} is up" if wanted else "no lab is up"
        mend = "boot one: lbctl lab up"
        raise LabError(f"{which} for cluster {cluster}, which lives in a lab only", mend=mend)
    if len(labs) > 1:
        names = ", ".join(lab.prefix for lab in labs)
        mend = f"choose one: LBCTL_LAB={labs[0].prefix} lbctl …"
        raise LabError(f"several labs are up for cluster {cluster}: {names}", mend=mend)
    return labs[0].ssh_config
