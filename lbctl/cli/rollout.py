"""From a plan to its report, asking in between: what apply and restart have in common."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.interrupt import interruptible

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.model.outage import Asking
    from lbctl.model.plan import Plan
    from lbctl.model.report import ApplyReport
    from lbctl.views.view import View
    from lbctl.workflows.apply import Apply

ConfirmWithin = Annotated[
    int,
    typer.Option(
        "--confirm-within",
        metavar="SECONDS",
        min=5,
        max=3600,
        help="A node that is not confirmed in this time puts itself back.",
    ),
]
CONFIRM_WITHIN = 120
"""The default of `ConfirmWithin`."""

DrainTimeout = Annotated[
    int | None,
    typer.Option(
        "--drain-timeout",
        metavar="SECONDS",
        min=0,
        max=600,
        help="So long may connections last where the VIP moves, and where a server goes; "
        "0: it moves plainly, and nobody waits.  [default: 30]",
        show_default=False,
    ),
]

ProbeFrom = Annotated[
    str,
    typer.Option(
        "--probe-from",
        metavar="nodes|local|none",
        help="Who asks the VIPs' ports meanwhile: a node, this machine, or nobody.",
    ),
]
PROBE_FROM = "nodes"
"""The default of `ProbeFrom`."""

MaxOutage = Annotated[
    float | None,
    typer.Option(
        "--max-outage",
        metavar="SECONDS",
        min=0,
        max=3600,
        help="Stop when requests have failed for longer than this, all in all.",
        show_default=False,
    ),
]


def asking(cluster: Cluster, source: str, most: float | None) -> Asking:
    """Raises UsageError for what cannot be asked so."""
    from lbctl.errors import UsageError
    from lbctl.model.outage import LOCAL, NOBODY, NODES, Asking

    if source not in (NODES, LOCAL, NOBODY):
        raise UsageError(f"--probe-from knows no {source!r}", mend="it takes nodes, local or none")
    if source == NOBODY and most is not None:
        raise UsageError("--max-outage needs a probe", mend="leave --probe-from none out")
    if source == LOCAL and cluster.lab_only:
        raise UsageError(
            f"cluster {cluster.name} lives in a lab only, which this machine has no way into",
            mend="leave --probe-from local out: a node asks",
        )
    return Asking(source, most)


def need_terminal(mend: str) -> None:
    """Raises UsageError where nobody can be asked."""
    from lbctl.errors import UsageError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal to ask on", mend=mend)


def planned(with_: Apply, shown: View, *, yes: bool) -> Plan:
    """A plan made now; nodes on which an apply was cut off are put back before that."""
    from lbctl.workflows.apply import recover
    from lbctl.workflows.plan import plan

    made = plan(with_.cluster, with_.transport, shown.event, with_.restart)
    if not made.unfinished:
        return made
    if not yes:
        _ask(shown, f"An apply was cut off on {', '.join(made.unfinished)}. Put it back first?")
    recover(with_)
    return plan(with_.cluster, with_.transport, shown.event, with_.restart)


def carried_out(
    with_: Apply,
    plan: Plan,
    shown: View,
    codes: frozenset[str],
    question: str,
    *,
    text: bool = False,
    saved: bool = False,
) -> ApplyReport:
    """Show the plan, ask (an empty question is none), carry it out, show the report.

    Raises what refuses a plan, and typer.Abort for any answer but yes.
    """
    from lbctl.workflows.apply import apply, nothing_to_do, refuse

    shown.plan(plan, text=text)
    refuse(plan, codes)
    if plan.empty:
        report = nothing_to_do(plan)
    else:
        if question:
            _ask(shown, question)
        with interruptible() as interrupted:
            report = apply(replace(with_, interrupted=interrupted), plan, codes, saved=saved)
    shown.report(report)
    return report


def _ask(shown: View, question: str) -> None:
    """Raises typer.Abort on anything but yes."""
    shown.close()
    typer.confirm(question, abort=True)
