"""lbctl status"""

from __future__ import annotations

from contextlib import closing

import typer

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view


def status(file: File = CLUSTER_FILE, json: Json = False, no_color: NoColor = False) -> None:
    """Show each node: role, VIPs, serial, daemons, who is at work on it. Reads only.

    Exit code: 0 every node was read, 1 not.

    \b
    Examples:
      lbctl status
    """
    from lbctl.cli.target import reached
    from lbctl.errors import NodeError
    from lbctl.workflows.read import read
    from lbctl.workflows.status import notes

    with closing(view(json, no_color)) as shown, reached(file) as (cluster, reader):
        found = read(cluster, reader, shown.event)
        shown.status(
            cluster.name, found, [str(vip.interface.ip) for vip in cluster.vips], notes(cluster, found)
        )
    if any(isinstance(one, NodeError) for one in found.values()):
        raise typer.Exit(1)
