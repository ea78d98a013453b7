"""lbctl election"""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, Exclude, File, Json, NoColor, view

Live = Annotated[
    bool, typer.Option("--live", help="Of the nodes as they run now, and who holds the VIPs. Reads only.")
]


def election(
    file: File = CLUSTER_FILE,
    live: Live = False,
    exclude: Exclude = None,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Show who holds each VIP for every combination of dead nodes and dead HAProxys, and how soon.

    It follows from the nodes' keepalived.conf, as the cluster file wants it: connects to nothing and resolves
    no secret. All that fails does so at once, in a cluster in which nothing had failed before.

    \b
    Examples:
      lbctl election
      lbctl election --live              of what runs on the nodes now
      lbctl election --json | jq '.routers[].rows[] | select(.why | length > 0)'
    """
    from lbctl.cli.target import reached, without
    from lbctl.desired import load
    from lbctl.workflows import election as workflow

    with closing(view(json, no_color)) as shown:
        if not live:
            cluster = without(load(file, secrets=False), exclude or ())
            shown.election(cluster.name, workflow.desired(cluster))
            return
        with reached(file, secrets=False, exclude=exclude) as (cluster, reader):
            shown.election(cluster.name, workflow.live(cluster, reader, shown.event))
