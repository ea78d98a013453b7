"""lbctl show"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lbctl.cli.options import Json, NoColor, view


def show(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan that plan --out saved.")],
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Show a saved plan. Connects to nothing.

    \b
    Examples:
      lbctl show plans/next.json
    """
    from lbctl.store.plans import load_plan

    with closing(view(json, no_color)) as shown:
        shown.plan(load_plan(plan))
