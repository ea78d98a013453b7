"""apply: lock, plan again, compare, walk, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from lbctl.errors import NodeError, RefusedError, StaleError
from lbctl.model.cluster import Cluster
from lbctl.model.event import Event, NodeUndone
from lbctl.model.facts import Facts
from lbctl.model.outage import ASKED_BY_NODES, Asking
from lbctl.model.plan import Plan, StepName
from lbctl.model.report import CHANGED, UNREACHABLE, ApplyReport, Exit, NodeOutcome
from lbctl.model.restart import NO_RESTART, Restart
from lbctl.planning.order import role
from lbctl.planning.plan import make, same_inputs
from lbctl.planning.turn import drain_seconds, least_seconds
from lbctl.rollout import vrrp
from lbctl.rollout.prober import made
from lbctl.rollout.reconnect import looked_again
from lbctl.rollout.run import CONFIRM_WITHIN, DRAIN_TIMEOUT, Run, taken_together
from lbctl.rollout.undo import put_back
from lbctl.rollout.undo_together import put_back_together
from lbctl.rollout.walk import Walked, walk
from lbctl.store.history import HistoryEntry, NodeSerial
from lbctl.store.workspace import ClusterState
from lbctl.transport.protocol import Transport
from lbctl.workflows.plan import now
from lbctl.workflows.read import Emit, read, read_all, whole
from lbctl.workflows.recorder import EventLine, operator, recording
from lbctl.workflows.upgrade import offered, outcomes


@dataclass(frozen=True)
class Apply:
    """Everything that an apply works with. `interrupted` says how often Ctrl-C was pressed.

    `text` is the cluster file without secrets. It is kept as evidence, and so is `event_line` of each event.
    `drain_timeout` None = the usual one, or what the time to confirm leaves of it. With a `restart`, or an
    upgrade, it is the rollout of that alone. `asking` is how it is seen what the clients lose.
    """

    cluster: Cluster
    transport: Transport
    state: ClusterState
    emit: Emit
    event_line: EventLine
    text: str
    interrupted: Callable[[], int] = lambda: 0
    confirm_within: int = CONFIRM_WITHIN
    drain_timeout: int | None = None
    restart: Restart = NO_RESTART
    asking: Asking = ASKED_BY_NODES


def apply(with_: Apply, reviewed: Plan, allowed: frozenset[str], *, saved: bool) -> ApplyReport:
    """Carry out the plan that was reviewed, or nothing.

    Raises RefusedError (unsafe, not allowed), LockedError, StaleError (its inputs have moved) and
    PlanFileError (used before), all before anything is touched.
    """
    refuse(reviewed, allowed)
    _refuse_haste(with_, reviewed)
    began = time.monotonic()
    with _locked(with_, f"{_what(with_)} of plan {reviewed.id}") as (with_, gathered):
        if _recovered(with_, gathered):
            raise StaleError(
                "the plan is stale: an apply was cut off since, and is put back now",
                mend=f"look at a new one: lbctl {with_.restart or 'plan'}",
            )
        plan = make(with_.cluster, gathered, reviewed.created, with_.cluster.problems, with_.restart)
        moved = same_inputs(reviewed, plan)
        if moved:
            raise StaleError(
                "the plan is stale: nothing was touched",
                detail="\n".join(moved),
                mend=f"look at a new one: lbctl {with_.restart or 'plan'}",
            )
        if saved:
            with_.state.mark_used(reviewed.id)
        return _rolled_out(with_, plan, gathered, began)


def _rolled_out(with_: Apply, plan: Plan, gathered: Mapping[str, Facts], began: float) -> ApplyReport:
    """Walk the plan, its nodes' locks being held, and keep what happens.

    Raises, before anything is touched, LocalError when the workspace cannot be written, and RefusedError when
    nobody can see what the clients lose, which was asked for.
    """
    cluster_id = _cluster_id(with_, gathered)
    with recording(
        with_.state.runs, _what(with_), plan, with_.text, with_.emit, with_.event_line
    ) as recorder:
        prober = made(with_.cluster, gathered, with_.transport, recorder.event, with_.asking)
        with_ = replace(with_, emit=_both(prober.event, recorder.event))
        run = Run(
            with_.cluster,
            cluster_id,
            plan,
            with_.transport,
            dict(gathered),
            with_.emit,
            with_.interrupted,
            with_.confirm_within,
            drain_timeout=_drain_timeout(with_, plan),
            prober=prober,
        )
        with prober:
            walked = walk(run)
        seen = _report(with_, run, walked, time.monotonic() - began, recorder.id)
        report = replace(seen, outage=prober.end())
        recorder.end(run, report)
        recorder.attempt(lambda: _keep(with_, report))
    return report


def _both(first: Emit, then: Emit) -> Emit:
    def emit(event: Event) -> None:
        first(event)
        then(event)

    return emit


def _what(with_: Apply) -> str:
    return f"{with_.restart or 'apply'}"


def nothing_to_do(plan: Plan) -> ApplyReport:
    """The report of an apply whose plan is empty: no node was locked or touched."""
    return ApplyReport(plan.id, Exit.DONE, 0.0, (), "Nothing to do.")


def refuse(plan: Plan, allowed: frozenset[str]) -> None:
    """Raises RefusedError when the plan has an error, or something unsafe that is not allowed."""
    refused = plan.refused(allowed)
    if refused:
        codes = ",".join(sorted({problem.code for problem in refused}))
        unsafe = all(problem.level == "unsafe" for problem in refused)
        raise RefusedError(
            "this plan may not be applied; nothing was changed",
            detail="\n".join(problem.text for problem in refused),
            mend=f"if that is meant: --allow {codes}" if unsafe else "mend what the plan calls an error",
        )


def _refuse_haste(with_: Apply, plan: Plan) -> None:
    """Raises RefusedError when the nodes would put themselves back before their turn can end."""
    least = least_seconds(with_.cluster, plan)
    if with_.confirm_within < least:
        raise RefusedError(
            f"{with_.confirm_within} s are too short to confirm this plan; nothing was changed",
            detail=f"the longest turn takes some {least} s, with the elections that it waits for",
            mend=f"--confirm-within {2 * least}",
        )
    moves = any(step.name is StepName.HANDOVER for step in plan.steps)
    wanted = (with_.drain_timeout or 0) if moves else 0
    if wanted > drain_seconds(with_.cluster, plan, with_.confirm_within):
        raise RefusedError(
            f"{with_.confirm_within} s to confirm are too short for connections to last {wanted} s; "
            "nothing was changed",
            detail=f"they may last so long twice, there and back; the rest of the turn takes some {least} s",
            mend=f"--confirm-within {2 * wanted + 2 * least}, or a shorter --drain-timeout",
        )


def _drain_timeout(with_: Apply, plan: Plan) -> int:
    if with_.drain_timeout is not None:
        return with_.drain_timeout
    return min(DRAIN_TIMEOUT, max(drain_seconds(with_.cluster, plan, with_.confirm_within), 1))


@contextmanager
def _locked(with_: Apply, what: str) -> Iterator[tuple[Apply, dict[str, Facts]]]:
    """Every node's lock, and all facts; the apply then knows the nodes that are to be retired, too."""
    with ExitStack() as stack:
        for node in with_.cluster.nodes:
            stack.enter_context(with_.transport.lock(node.name, what))
        gathered = read_all(with_.cluster, with_.transport, with_.emit)
        cluster, found = whole(with_.cluster, gathered, with_.transport, with_.emit)
        for node in cluster.retired:
            stack.enter_context(with_.transport.lock(node.name, what))
        wish = offered(with_.restart, cluster, with_.transport)
        yield replace(with_, cluster=cluster, restart=wish), found


def recover(with_: Apply) -> None:
    """Put back what an apply left that was cut off; whoever does so plans again.

    A node that is back in the election may get a VIP back: that is waited for, or the plan would be stale.
    Raises LockedError, and RemoteError where a node cannot be put back.
    """
    with _locked(with_, "putting back what was cut off") as (wider, gathered):
        if _recovered(wider, gathered):
            read_now = read_all(with_.cluster, with_.transport, with_.emit)
            cluster, found = whole(with_.cluster, read_now, with_.transport, with_.emit)
            vrrp.calm(Run(cluster, "", make(cluster, found, now()), with_.transport, dict(found), with_.emit))


def _recovered(with_: Apply, gathered: Mapping[str, Facts]) -> bool:
    """An apply that was cut off left its undo armed: those nodes are put back before anything else."""
    armed = [name for name, facts in gathered.items() if facts.armed]
    if not armed:
        return False
    plan = make(with_.cluster, gathered, now())
    run = Run(with_.cluster, "", plan, with_.transport, dict(gathered), with_.emit)
    together = {gathered[name].armed for name in armed if taken_together(gathered[name].armed)}
    for transaction in sorted(together):
        put_back_together(run, transaction)
    for name in armed:
        if gathered[name].armed not in together:
            put_back(run, name)
        text = f"the apply of plan {gathered[name].cut_off} was cut off; put back"
        with_.emit(NodeUndone(name, True, text))
    return True


def _cluster_id(with_: Apply, gathered: Mapping[str, Facts]) -> str:
    """The nodes hold the truth; a workspace's own id is for a cluster that has none yet."""
    known = [f.owner.cluster_id for f in gathered.values() if f.owner]
    return known[0] if known else with_.state.cluster_id()


def _report(with_: Apply, run: Run, walked: Walked, seconds: float, kept: str) -> ApplyReport:
    every = replace(with_.cluster, nodes=(*with_.cluster.nodes, *with_.cluster.retired))
    found = {
        name: looked_again(run, name, one) for name, one in read(every, with_.transport, with_.emit).items()
    }
    nodes = tuple(_outcome(with_, run, walked, name, one) for name, one in found.items())
    served = [n for n in nodes if n.what != "retired" and run.gathered[n.node].active("haproxy")]
    lost = [n.node for n in served if not n.serving]
    code = _code(walked, lost)
    summary = _summary(with_, walked, code, nodes, lost)
    if with_.cluster.excluded:
        summary += f" Left out: {', '.join(with_.cluster.excluded)}."
    advice = (*_advice(with_, run, code, walked), *_evidence(code, kept))
    return ApplyReport(run.plan.id, code, seconds, nodes, summary, advice, kept)


def _outcome(with_: Apply, run: Run, walked: Walked, name: str, found: Facts | NodeError) -> NodeOutcome:
    done = "retired" if run.cluster.retires(name) else _done(with_)
    what = done if name in run.done else "unchanged"
    if name in walked.undone:
        what = "undone" if walked.undone[name] else "failed"
    packages = outcomes(with_.restart, name, with_.transport)
    if isinstance(found, NodeError):
        return NodeOutcome(name, 0, UNREACHABLE, False, what, packages)
    serial = found.owner.serial if found.owner else 0
    return NodeOutcome(name, serial, str(role(with_.cluster, found)), found.active("haproxy"), what, packages)


def _code(walked: Walked, lost: Sequence[str]) -> Exit:
    if not walked.back or lost:
        return Exit.NEEDS_PERSON
    if walked.error is None and not walked.interrupted:
        return Exit.DONE
    return Exit.STOPPED if walked.touched else Exit.ERROR


def _done(with_: Apply) -> str:
    """What has happened to a node that it is done with."""
    return with_.restart.done if with_.restart else CHANGED


def _summary(
    with_: Apply, walked: Walked, code: Exit, nodes: Sequence[NodeOutcome], lost: Sequence[str]
) -> str:
    done = _done(with_)
    changed = ", ".join(n.node for n in nodes if n.what == done) or "no node"
    retired = ", ".join(n.node for n in nodes if n.what == "retired")
    changed += f"; retired: {retired}" if retired else ""
    why = f"{walked.error.summary}" if walked.error else "interrupted"
    match code:
        case Exit.DONE:
            units = " and ".join(with_.restart.units)
            return f"{done.capitalize()} {units}: {changed}." if units else f"Applied: {changed}."
        case Exit.ERROR:
            return f"Nothing was {done}: {why}."
        case Exit.STOPPED:
            return f"Stopped, no node lost its service; {done}: {changed}. {why}."
        case _:
            needs = ", ".join(dict.fromkeys((*walked.lost, *lost)))
            if walked.error is None and not walked.interrupted:
                return (
                    f"Walked to its end ({done}: {changed}), and {needs} does not serve and needs a person."
                )
            return f"Stopped, and {needs} needs a person. {why}."


def _advice(with_: Apply, run: Run, code: Exit, walked: Walked) -> tuple[str, ...]:
    if code is Exit.DONE:
        return ()
    lines = []
    if walked.error is not None and walked.error.mend:
        lines.append(walked.error.mend)
    if walked.lost:
        lines.append(f"by hand on {', '.join(walked.lost)}: sh /var/lib/lbctl/undo")
    if code is not Exit.ERROR:
        lines += _ways_on(with_, run)
    return tuple(lines)


def _ways_on(with_: Apply, run: Run) -> Iterator[str]:
    left = tuple(name for name in with_.restart.nodes or run.gathered if name not in run.done)
    again = replace(with_.restart, nodes=left) or "apply"
    yield f"continue:            mend the cause, then lbctl {again}"
    if not with_.restart:
        yield "go back everywhere:  put the cluster file back to what it was, then lbctl apply"
    yield "leave it:            every node that is done stays so; lbctl status shows where they are"


def _evidence(code: Exit, kept: str) -> tuple[str, ...]:
    return () if code is Exit.DONE else (f"pack the evidence:   lbctl report {kept}",)


def _keep(with_: Apply, report: ApplyReport) -> None:
    """History is this workspace's own; losing it loses nothing else. Raises LocalError."""
    with_.state.append_history(
        HistoryEntry(
            now(),
            operator(),
            report.plan,
            int(report.code),
            round(report.seconds, 1),
            tuple(NodeSerial(node.node, node.serial) for node in report.nodes),
            report.summary,
            report.outage.figures if report.outage and not report.outage.off else None,
        )
    )
    # also of an apply that only recorded, as the first one after an import: what it left is what is applied
    if any(node.what == CHANGED and node.reached for node in report.nodes):
        serial = max(node.serial for node in report.nodes)
        with_.state.keep_desired(serial, with_.text, with_.cluster.sources)
