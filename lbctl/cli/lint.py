"""lbctl lint"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view
from lbctl.errors import UsageError

if TYPE_CHECKING:
    from lbctl.model.finding import LintReport
    from lbctl.workflows.read import Emit

FOUND = 2
LEVELS = ("error", "warning", "note", "never")
Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Cluster files (.yaml), haproxy.cfg, keepalived.conf, or directories of them, one a node. "
        "The cluster file if left out.",
        show_default=False,
    ),
]
Live = Annotated[bool, typer.Option("--live", help="Look at what is on the nodes, not at what shall be.")]
Sarif = Annotated[bool, typer.Option("--sarif", help="SARIF 2.1.0, which merge requests show in place.")]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on", metavar="LEVEL", help="Exit with 2 from this level on: error, warning, note; never."
    ),
]


def lint(
    paths: Paths = None,
    file: File = CLUSTER_FILE,
    live: Live = False,
    fail_on: FailOn = "error",
    sarif: Sarif = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Say what is wrong with a configuration, and how to mend it. Changes nothing.

    Without --live it resolves no secret, runs nothing and connects to nothing. The daemons' own files
    count as one cluster: each directory is a node. lbctl explain CODE says more of a finding.

    Exit code: 0 nothing of that level, 2 something, 1 a path cannot be read.

    \b
    Examples:
      lbctl lint
      lbctl lint --live                            what is on the nodes
      lbctl lint lb1/keepalived.conf lb2/keepalived.conf
      lbctl lint clusters/*.yaml --fail-on warning
      lbctl lint --sarif >lint.sarif               for a merge request
    """
    if fail_on not in LEVELS:
        raise UsageError(f"--fail-on knows no level {fail_on!r}", mend=f"one of: {', '.join(LEVELS)}")
    if live and paths:
        raise UsageError("--live looks at nodes, not at files", mend="name the cluster file: -f FILE")
    if sarif and json:
        raise UsageError("--sarif and --json are two forms of the same", mend="leave one of them out")
    with closing(view(json, no_color)) as shown:
        report = _live(file, shown.event) if live else _files(paths, file)
        if sarif:
            from lbctl.views.sarif import sarif_document

            typer.echo(sarif_document(report))
        else:
            shown.findings(report)
    if fail_on != "never" and report.reaches(fail_on):
        raise typer.Exit(FOUND)


def _files(paths: list[Path] | None, file: Path) -> LintReport:
    from lbctl.workflows.lint import cluster_file, files

    return files(paths) if paths else cluster_file(file)


def _live(file: Path, emit: Emit) -> LintReport:
    from lbctl.cli.target import reached
    from lbctl.workflows.lint import live

    with reached(file) as (cluster, reader):
        return live(cluster, reader, emit)
