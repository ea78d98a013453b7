"""From a plan to its report, asking in between: what apply, restart and upgrade have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.interrupt import interruptible
from lbctl.cli.options import allowed, view

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.model.outage import Asking
    from lbctl.model.plan import Plan
    from lbctl.model.report import ApplyReport
    from lbctl.model.restart import Restart
    from lbctl.transport.cluster import SshTransport
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


@dataclass(frozen=True)
class Rollout:
    """The options of a rollout that takes nothing of the cluster file along: a restart, an upgrade."""

    file: Path
    allow: list[str] | None
    exclude: list[str] | None
    yes: bool
    confirm_within: int
    drain_timeout: int | None
    probe_from: str
    max_outage: float | None
    json: bool
    no_color: bool


Wish = Callable[["Cluster", "SshTransport", "View"], "Restart"]
"""What is wished for, once the cluster is known and its nodes can be reached."""


def roll_out(rollout: Rollout, wish: Wish, question: str) -> int:
    """Plan what is wished for, ask, carry it out; the exit code."""
    from lbctl.cli.target import reached
    from lbctl.store.workspace import workspace_of
    from lbctl.views.json import event_line
    from lbctl.workflows.apply import Apply

    if not rollout.yes:
        need_terminal("give --yes")
    codes = allowed(rollout.allow)
    screen = closing(view(rollout.json, rollout.no_color, events=True))
    with screen as shown, reached(rollout.file, exclude=rollout.exclude) as (cluster, transport):
        with_ = Apply(
            cluster,
            transport,
            workspace_of(rollout.file).cluster(cluster.name),
            shown.event,
            event_line,
            cluster.scrubbed(rollout.file.read_text()),
            confirm_within=rollout.confirm_within,
            drain_timeout=rollout.drain_timeout,
            asking=asking(cluster, rollout.probe_from, rollout.max_outage),
            restart=wish(cluster, transport, shown),
        )
        plan = planned(with_, shown, yes=rollout.yes)
        report = carried_out(with_, plan, shown, codes, "" if rollout.yes else question)
    return int(report.code)


def once(cluster: Cluster, nodes: Sequence[str], what: str) -> tuple[str, ...]:
    """Each named node once. Raises UsageError for one that is unknown, or left out; `what` it is to be."""
    from lbctl.cli.target import known
    from lbctl.errors import UsageError

    for name in nodes:
        known(cluster, name)
        if name in cluster.excluded:
            raise UsageError(f"{name} is both {what} and left out", mend=f"name it, or --exclude {name}")
    return tuple(dict.fromkeys(nodes))


def need_terminal(mend: str) -> None:
    """Raises UsageError where nobody can be asked."""
    from lbctl.errors import UsageError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal to ask on", mend=mend)


def planned(with_: Apply, shown: View, *, yes: bool) -> Plan:
    """A plan made now; nodes on which an apply was cut off are put back before that."""
    from lbctl.workflows.apply import recover
    from lbctl.workflows.plan import plan

    made = plan(with_.cluster, with_.state, with_.transport, shown.event, with_.restart)
    if not made.unfinished:
        return made
    if not yes:
        _ask(shown, f"An apply was cut off on {', '.join(made.unfinished)}. Put it back first?")
    recover(with_)
    return plan(with_.cluster, with_.state, with_.transport, shown.event, with_.restart)


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
