"""lbctl apply"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from lbctl.cli.rollout import (
    CONFIRM_WITHIN,
    PROBE_FROM,
    ConfirmWithin,
    DrainTimeout,
    MaxOutage,
    ProbeFrom,
    asking,
    carried_out,
    need_terminal,
    planned,
)

if TYPE_CHECKING:
    from lbctl.model.plan import Plan
    from lbctl.workflows.apply import Apply

PlanFile = Annotated[
    Path | None, typer.Argument(metavar="PLAN", help="A plan that plan --out saved.", show_default=False)
]


def apply(
    plan: PlanFile = None,
    file: File = CLUSTER_FILE,
    allow: Allow = None,
    exclude: Exclude = None,
    yes: Yes = False,
    confirm_within: ConfirmWithin = CONFIRM_WITHIN,
    drain_timeout: DrainTimeout = None,
    probe_from: ProbeFrom = PROBE_FROM,
    max_outage: MaxOutage = None,
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
      lbctl apply --max-outage 2       stop when requests have failed for more than 2 s
      lbctl apply --exclude lb3 --allow partial    leave out a node that is dead
    """
    from lbctl.cli.target import reached
    from lbctl.store.workspace import workspace_of
    from lbctl.views.json import event_line
    from lbctl.workflows.apply import Apply

    if plan is None and not yes:
        need_terminal("give --yes, or a plan that was reviewed: lbctl apply PLAN")
    codes = allowed(allow)
    screen = closing(view(json, no_color, events=True))
    with screen as shown, reached(file, exclude=exclude) as (cluster, transport):
        state, wish = workspace_of(file).cluster(cluster.name), asking(cluster, probe_from, max_outage)
        source = cluster.scrubbed(file.read_text())
        with_ = Apply(cluster, transport, state, shown.event, event_line, source)
        with_ = replace(with_, confirm_within=confirm_within, drain_timeout=drain_timeout, asking=wish)
        reviewed = planned(with_, shown, yes=yes) if plan is None else _saved(with_, plan)
        question = "Apply this plan?" if plan is None and not yes else ""
        report = carried_out(with_, reviewed, shown, codes, question, text=text, saved=plan is not None)
    raise typer.Exit(int(report.code))


def _saved(with_: Apply, file: Path) -> Plan:
    """Raises PlanFileError for one that cannot be used, or was."""
    from lbctl.store.plans import load_plan

    plan = load_plan(file, with_.cluster.name)
    with_.state.refuse_used(plan.id)  # before the nodes are asked: they would only say that it is stale
    return plan
