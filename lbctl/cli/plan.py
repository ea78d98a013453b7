"""lbctl plan"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lbctl.cli.later import Later
from lbctl.cli.options import CLUSTER_FILE, Exclude, File, Json, NoColor, Text, view

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Keep the plan for apply.")]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 2 when a node would change.")
]


NoSecrets = Annotated[
    bool, typer.Option("--no-secrets", help="Resolve no secret: to plan a file that nobody has merged yet.")
]


def plan(
    file: File = CLUSTER_FILE,
    out: Out = None,
    exclude: Exclude = None,
    no_secrets: NoSecrets = False,
    detailed_exitcode: DetailedExitcode = False,
    text: Text = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Show what would change on the nodes, where and in which order. Reads only.

    \b
    Examples:
      lbctl plan
      lbctl plan --text                  with text diffs of the files
      lbctl plan --out plans/next.json   keep it for: lbctl apply plans/next.json
      lbctl plan --exclude lb3           without a node that is dead
      lbctl plan --no-secrets            with the secrets of files masked
    """
    from lbctl.cli.target import reached
    from lbctl.errors import UsageError

    if no_secrets and out is not None:
        raise UsageError("a plan without secrets cannot be applied", mend="leave out --out, or --no-secrets")
    later = Later(lambda: view(json, no_color))
    with (
        reached(file, secrets=not no_secrets, login=not no_secrets, exclude=exclude) as (cluster, reader),
        closing(later),
    ):
        # imported while the nodes are being logged in to
        from lbctl.model.report import Exit
        from lbctl.store.workspace import workspace_of
        from lbctl.workflows.plan import plan as make_plan

        made = make_plan(cluster, workspace_of(file).cluster(cluster.name), reader, later.event)
        shown = later.now()
        shown.plan(made, text=text)
        if out is not None:
            from lbctl.store.plans import save_plan

            save_plan(out, made)
            shown.note(f"Saved: {out}. Apply it with: lbctl apply {out}")
    if detailed_exitcode and made.touches:
        raise typer.Exit(int(Exit.CHANGES))
