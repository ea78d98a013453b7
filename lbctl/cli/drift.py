"""lbctl drift"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Annotated

import typer

from lbctl.cli.later import Later
from lbctl.cli.options import CLUSTER_FILE, Exclude, File, Json, NoColor, Text, view

Counters = Annotated[
    bool,
    typer.Option(
        "--counters",
        help="Ask each keepalived for its counters, twice: it gets a signal, where it surely lives on.",
    ),
]


def drift(
    file: File = CLUSTER_FILE,
    exclude: Exclude = None,
    counters: Counters = False,
    text: Text = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Say what was changed by hand since the last apply, or is not loaded, and how the nodes run. Reads only.

    Exit code: 0 nothing that has to be put right, 2 drift, 4 a node or fact could not be read, 3 the
    cluster file is ahead; the first of these that holds. Silent in cron when there is nothing to say.

    \b
    Examples:
      lbctl drift
      lbctl drift --exclude lb3          a node that is known to be dead
      lbctl drift --counters             do the nodes understand each other's adverts?
      */15 * * * *  lbctl drift -f /srv/lb/cluster.yaml
    """
    from lbctl.cli.target import reached

    later = Later(lambda: view(json, no_color))
    with reached(file, exclude=exclude) as (cluster, reader), closing(later):
        # imported while the nodes are being logged in to
        from lbctl.store.workspace import workspace_of
        from lbctl.workflows.drift import drift as find_drift

        report = find_drift(cluster, workspace_of(file).cluster(cluster.name), reader, later.event)
        if counters:
            from lbctl.workflows.counters import disagreements

            report = replace(report, items=(*report.items, *disagreements(cluster, reader, later.event)))
        later.now().drift(report, text=text)
    raise typer.Exit(int(report.code))
