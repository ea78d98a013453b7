"""lbctl drift"""

from __future__ import annotations

from contextlib import closing

import typer

from lbctl.cli.later import Later
from lbctl.cli.options import CLUSTER_FILE, Exclude, File, Json, NoColor, Text, view


def drift(
    file: File = CLUSTER_FILE,
    exclude: Exclude = None,
    text: Text = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Say what was changed by hand since the last apply. Reads only.

    Exit code: 0 nothing, 2 drift, 4 a node or fact could not be read, 3 the cluster file is ahead; the
    first of these that holds. Silent in cron when there is nothing to say.

    \b
    Examples:
      lbctl drift
      lbctl drift --exclude lb3          a node that is known to be dead
      */15 * * * *  lbctl drift -f /srv/lb/cluster.yaml
    """
    from lbctl.cli.target import reached

    later = Later(lambda: view(json, no_color))
    with reached(file, exclude=exclude) as (cluster, reader), closing(later):
        from lbctl.workflows.drift import drift as find_drift  # while the nodes are being logged in to

        report = find_drift(cluster, reader, later.event)
        later.now().drift(report, text=text)
    raise typer.Exit(int(report.code))
