"""lbctl apply"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.interrupt import interruptible
from lbctl.cli.options import (
    CLUSTER_FILE,
    Allow,
    Exclude,
    File,
    Json,
    NoColor,
    Text,
    Yes,
    allowed,
    view,
)

if TYPE_CHECKING:
    from lbctl.model.plan import Plan
    from lbctl.views.view import View
    from lbctl.workflows.apply import Apply

PlanFile = Annotated[
    Path | None, typer.Argument(metavar="PLAN", help="A plan that plan --out saved.", show_default=False)
]


ConfirmWithin = Annotated[
    int,
    typer.Option(
        "--confirm-within",
        metavar="SECONDS",
        min=30,
        max=3600,
        help="A node that is not confirmed in this time puts itself back.",
    ),
]


def apply(
    plan: PlanFile = None,
    file: File = CLUSTER_FILE,
    allow: Allow = None,
    exclude: Exclude = None,
    yes: Yes = False,
    confirm_within: ConfirmWithin = 120,
    text: Text = False,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Roll the cluster file out, node by node, backups before the master.

    Without a PLAN it plans, shows the plan and asks. Exit code: 0 done, 1 nothing was changed,
    3 stopped with every node serving, 4 a node needs a person. Ctrl-C: the node under way is finished
    or undone, then it stops.

    \b
    Examples:
      lbctl apply                      plan, show, ask, apply
      lbctl apply --yes                the same without asking
      lbctl apply plans/next.json      exactly the plan that was reviewed
      lbctl apply --allow drift        undo what was changed by hand
      lbctl apply --exclude lb3 --allow partial    leave out a node that is dead
    """
    from lbctl.cli.target import reached
    from lbctl.store.workspace import workspace_of
    from lbctl.views.json import event_line
    from lbctl.workflows.apply import Apply, nothing_to_do, refuse
    from lbctl.workflows.apply import apply as carry_out

    _need_consent(saved=plan is not None, yes=yes)
    codes = allowed(allow)
    screen = closing(view(json, no_color, events=True))
    with screen as shown, reached(file, exclude=exclude) as (cluster, transport):
        state = workspace_of(file).cluster(cluster.name)
        with_ = Apply(cluster, transport, state, shown.event, event_line, cluster.scrubbed(file.read_text()))
        reviewed = _reviewed(with_, plan, shown, yes=yes)
        shown.plan(reviewed, text=text)
        refuse(reviewed, codes)
        if reviewed.empty:
            shown.report(nothing_to_do(reviewed))
            return
        if plan is None and not yes:
            _ask(shown, "Apply this plan?")
        with interruptible() as interrupted:
            with_ = replace(with_, interrupted=interrupted, confirm_within=confirm_within)
            report = carry_out(with_, reviewed, codes, saved=plan is not None)
        shown.report(report)
    raise typer.Exit(int(report.code))


def _reviewed(with_: Apply, saved: Path | None, shown: View, *, yes: bool) -> Plan:
    """The saved plan, or one made now; nodes on which an apply was cut off are put back before that."""
    from lbctl.store.plans import load_plan
    from lbctl.workflows.apply import recover
    from lbctl.workflows.plan import plan as make_plan

    if saved is not None:
        plan = load_plan(saved, with_.cluster.name)
        with_.state.refuse_used(plan.id)  # before the nodes are asked: they would only say that it is stale
        return plan
    made = make_plan(with_.cluster, with_.transport, shown.event)
    if not made.unfinished:
        return made
    if not yes:
        _ask(shown, f"An apply was cut off on {', '.join(made.unfinished)}. Put it back first?")
    recover(with_)
    return make_plan(with_.cluster, with_.transport, shown.event)


def _need_consent(*, saved: bool, yes: bool) -> None:
    """Raises UsageError where nobody can be asked: a saved plan was reviewed, --yes is an answer."""
    if saved or yes or (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    from lbctl.errors import UsageError

    raise UsageError(
        "there is no terminal to ask on", mend="give --yes, or a plan that was reviewed: lbctl apply PLAN"
    )


def _ask(shown: View, question: str) -> None:
    """Raises typer.Abort on anything but yes."""
    shown.close()
    typer.confirm(question, abort=True)
