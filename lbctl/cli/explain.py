"""lbctl explain"""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from lbctl.cli.options import Json, NoColor, view
from lbctl.errors import UsageError

Code = Annotated[
    str | None,
    typer.Argument(
        metavar="[CODE]", help="As lint and plan print it in brackets. All if left out.", show_default=False
    ),
]


def explain(code: Code = None, json: Json = False, no_color: NoColor = False) -> None:
    """Say what a code of lint or plan means, why it matters, what to do, and where that is known from.

    \b
    Examples:
      lbctl explain                      every code there is
      lbctl explain weight-too-small
    """
    from difflib import get_close_matches

    from lbctl.lint import rules

    known = rules()
    if code is not None and code not in known:
        near = get_close_matches(code, list(known), n=1)
        mend = f"did you mean {near[0]}?" if near else "all of them: lbctl explain"
        raise UsageError(f"there is no code {code!r}", mend=mend)
    with closing(view(json, no_color)) as shown:
        shown.rules(
            [known[code]] if code else sorted(known.values(), key=lambda one: one.code), whole=bool(code)
        )
