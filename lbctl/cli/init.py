"""`lbctl init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where; the current directory if left out.", show_default=False)
]


def init(directory: Directory = Path()) -> None:
    """Make a workspace: a commented cluster.yaml to begin with, plans/ and state/. Overwrites nothing."""
    from lbctl.workflows.init import make

    for path in make(directory):
        typer.echo(f"made {path}")
    typer.echo(f"Now describe your cluster in {directory / 'cluster.yaml'}, then: lbctl validate, lbctl plan")
