"""lbctl status"""

from __future__ import annotations

from contextlib import closing

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view


def status(file: File = CLUSTER_FILE, json: Json = False, no_color: NoColor = False) -> None:
    """Show each node: role, VIPs, serial, daemons, who is at work on it. Reads only.

    \b
    Examples:
      lbctl status
    """
    from lbctl.cli.target import reached
    from lbctl.workflows.read import read

    with closing(view(json, no_color)) as shown, reached(file) as (cluster, reader):
        found = read(cluster, reader, shown.event)
        shown.status(cluster.name, found, [str(vip.interface.ip) for vip in cluster.vips])
