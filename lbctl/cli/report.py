"""lbctl report"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's id, as much of it as no other has, or latest.", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Pack into this file.", show_default=False),
]


def report(
    run: RunId = "",
    out: Out = None,
    file: File = CLUSTER_FILE,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """List the runs from this workspace, or pack the evidence of one, secrets masked.

    The pack is lbctl-report-RUN.tar.gz in this directory, and never overwrites a file. It holds the plan,
    the cluster file, what happened, the report, and of a run that failed what was refused and what the
    nodes said. Connects to nothing.

    \b
    Examples:
      lbctl report                     which runs there were, and how they ended
      lbctl report latest              pack the last one
      lbctl report 20261122-1641 --out /tmp/night.tar.gz
    """
    from lbctl.desired.name import name_of
    from lbctl.errors import UsageError
    from lbctl.store.pack import pack
    from lbctl.store.workspace import workspace_of

    if out is not None and not run:
        raise UsageError("--out is for the pack of one run", mend="name it: lbctl report latest --out FILE")
    runs = workspace_of(file).cluster(name_of(file)).runs
    with closing(view(json, no_color)) as shown:
        if not run:
            shown.runs(runs.all())
            return
        found = runs.find(run)
        shown.packed(pack(runs.folder(found), found, out or Path(f"lbctl-report-{found.id}.tar.gz")))
