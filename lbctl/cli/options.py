"""Options that commands share, each with one spelling and one meaning, and the choice of the view.

Imports nothing heavy: `lbctl --help` reads this file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lbctl.errors import UsageError
    from lbctl.views.view import View

File = Annotated[
    Path,
    typer.Option("--file", "-f", envvar="LBCTL_FILE", metavar="FILE", help="The cluster file."),
]
CLUSTER_FILE = Path("cluster.yaml")
"""The default of `File`."""

Json = Annotated[bool, typer.Option("--json", help="JSON for programs (docs/json.md).")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")]
Text = Annotated[bool, typer.Option("--text", help="Show the differences of files as text diffs too.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="CODE,CODE",
        help="Let unsafe things through, by the codes that the plan names.",
        show_default=False,
    ),
]

Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="NODE",
        help="Leave this node out, and do not connect to it; may be given several times.",
        show_default=False,
    ),
]


def allowed(codes: Iterable[str] | None) -> frozenset[str]:
    """The codes of `--allow`, given once with commas, or several times. Raises UsageError for any other word.

    A code that is mistyped would allow nothing, and be found out only after the question.
    """
    given = [code.strip() for words in codes or () for code in words.split(",") if code.strip()]
    if not given:
        return frozenset()
    from lbctl.planning import review, unsafe

    codes = (*unsafe.CODES, *review.codes())
    for code in given:
        if code not in codes:
            raise _no_such_code(code, codes)
    return frozenset(given)


def _no_such_code(code: str, codes: Iterable[str]) -> UsageError:
    from difflib import get_close_matches

    from lbctl.errors import UsageError

    near = get_close_matches(code, list(codes), n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"--allow knows no code {code!r}", mend=f"{meant}it takes {', '.join(codes)}")


def view(json: bool, no_color: bool = False, *, events: bool = False) -> View:
    """The view that was asked for. `events` = the command's JSON is one event a line (apply).

    Whoever asks for a view closes it, whatever happens: `with contextlib.closing(view(...)) as shown:`.
    """
    # Each imported when it is chosen: rich alone costs as much as a whole --help
    if json:
        from lbctl.views.json import JsonView

        return JsonView(sys.stdout, sys.stderr, events=events)
    from lbctl.views.human import HumanView

    return HumanView(sys.stdout, sys.stderr, color=not no_color)
