"""lbctl node: what a cluster's records say of its nodes."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, Allow, File, Json, NoColor, Yes, allowed, view

app = typer.Typer(
    help="""The nodes that a cluster's own records name.

Every node's owner record names the nodes of the last apply. One that was taken out of the cluster
file is retired by the next apply; one that is dead by then has to be forgotten.

\b
Examples:
  lbctl node forget lb3
""",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would be imported for the help alone
)

Name = Annotated[str, typer.Argument(metavar="NODE", help="A node that the cluster file no longer names.")]


@app.callback()
def node() -> None:
    """A group stays one, also with a single command."""


@app.command("forget")
def forget(
    node: Name,
    allow: Allow = None,
    file: File = CLUSTER_FILE,
    yes: Yes = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Forget a node that is dead for good and was taken out of the cluster file.

    The records of all nodes that can be reached name it no longer; on the node itself nothing is done.
    Refused while it is in the cluster file, and while it answers and its keepalived runs: lbctl apply
    retires such a node. Exit code: 0 forgotten, 1 not.

    \b
    Examples:
      lbctl node forget lb3
      lbctl node forget lb3 --yes
      lbctl node forget lb3 --allow live-node    although it lives, and takes part in VRRP
    """
    from lbctl.cli.target import reached
    from lbctl.errors import UsageError
    from lbctl.workflows.forget import find
    from lbctl.workflows.forget import forget as take_out

    codes = allowed(allow)
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal to ask on", mend=f"give --yes: lbctl node forget {node} --yes")
    with closing(view(json, no_color)) as shown, reached(file, secrets=False) as (cluster, transport):
        gone = find(cluster, transport, shown.event, node, codes)
        if not yes:
            shown.close()
            address = gone.node.address
            typer.confirm(f"Forget {node} ({address}) on {', '.join(gone.gathered)}?", abort=True)
        shown.forgotten(take_out(gone, transport, shown.event))
