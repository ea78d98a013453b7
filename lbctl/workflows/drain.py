"""drain, undrain, handover: an operator's own maintenance of one node, outside any apply."""

from __future__ import annotations

import getpass
import hashlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from lbctl.errors import NodeError, RefusedError, RemoteError
from lbctl.host.facts import drain_record_text
from lbctl.model.cluster import Cluster
from lbctl.model.command import Command, command
from lbctl.model.facts import DrainRecord
from lbctl.model.outage import ASKED_BY_NODES, Asking
from lbctl.model.report import DrainReport, HandoverReport, Held
from lbctl.planning.election import DRAINED
from lbctl.planning.order import held_out, successors
from lbctl.planning.plan import make
from lbctl.rollout import vrrp
from lbctl.rollout.handover import coming, leaving, prepared
from lbctl.rollout.prober import Prober, made
from lbctl.rollout.run import CONFIRM_WITHIN, DRAIN_TIMEOUT, Run
from lbctl.transport.protocol import Transport
from lbctl.workflows.plan import now
from lbctl.workflows.read import Emit, read, read_all

_STUCK = """\
look at keepalived on the others: lbctl status. Where they have nopreempt, a lowered priority moves
nothing: stop keepalived on the node instead, and start it after your work"""


@dataclass(frozen=True)
class Maintenance:
    """What drain and undrain work with. While `interruptible` is entered, Ctrl-C is only seen by asking.

    Where a VIP moves, connections may last for `drain_timeout` seconds; None = the usual time. `asking` is
    how it is seen what the clients lose meanwhile.
    """

    cluster: Cluster
    transport: Transport
    emit: Emit
    interruptible: Callable[[], AbstractContextManager[Callable[[], int]]]
    drain_timeout: int | None = None
    asking: Asking = ASKED_BY_NODES


def drain(with_: Maintenance, name: str, seconds: int, reason: str, allowed: frozenset[str]) -> DrainReport:
    """Hold the node out of the election until somebody undrains it, and wait until its VIPs are elsewhere.

    Raises RefusedError where it cannot be, NodeError where the VIPs do not move, KeyboardInterrupt at
    Ctrl-C; in each case the node is as it was.
    """
    with _locked(with_, name, f"drain of {name}") as run, with_.interruptible() as run.interrupted:
        alone = _refuse(run, name, allowed)
        before, _ = vrrp.look(run)
        record = DrainRecord(f"{getpass.getuser()}@{socket.gethostname()}", now(), _in(seconds), reason)
        watched = _watched(with_, run)
        with watched as prober, prepared(run, leaving(run, name, drained=True)) as handover:
            try:
                _write(run, name, DRAINED, record)
                if not alone:
                    _wait_until_left(run, name, before)
                _go_on(run)
                how = handover.finish()
                _go_on(run)
            except (NodeError, KeyboardInterrupt):
                _put_back(run, name)
                raise
        return DrainReport(name, True, record, _held(run), run.cluster.excluded, how, prober.end())


def undrain(with_: Maintenance, name: str) -> DrainReport:
    """Let the node take part again, and wait until the VIPs are where VRRP's rules put them.

    Raises NodeError; when it is the waiting that failed, the node takes part all the same.
    """
    with _locked(with_, name, f"undrain of {name}") as run, with_.interruptible() as run.interrupted:
        facts, how, outage = run.gathered[name], "", None
        changed = bool(facts.drain or facts.drain_record)
        if changed:
            _refuse_armed(run, name)
            with _watched(with_, run) as prober, prepared(run, coming(run, name, 0)) as handover:
                _write(run, name, 0, None)
                _wait_until_settled(run, name)
                how = handover.finish()
            outage = prober.end()
        return DrainReport(name, changed, None, _held(run), run.cluster.excluded, how, outage)


def handover(with_: Maintenance, name: str) -> HandoverReport:
    """Have the node give its VIPs to another one, and go on as a backup.

    Its keepalived is restarted by one command, so that it runs again whatever becomes of the connection.
    Raises RefusedError where nobody could take them, or where they would come straight back; NodeError when
    they do not move; KeyboardInterrupt at Ctrl-C, which ends the waiting alone.
    """
    with _locked(with_, name, f"handover of {name}") as run, with_.interruptible() as run.interrupted:
        _refuse_armed(run, name)
        before, _ = vrrp.look(run)
        given, how = tuple(vip for vip, nodes in before.items() if name in nodes), ""
        outage = None
        if given:
            _refuse_handover(run, name, given)
            journal = [command("journal", "by-hand", "handover", what) for what in ("begin", "done")]
            restart = [command("make_base"), journal[0], command("take_restart", "keepalived"), journal[1]]
            watched = _watched(with_, run)
            with watched as prober, prepared(run, leaving(run, name, drained=False)) as moving:
                run.call(name, restart)
                _wait_until_left(run, name, before)
                _wait_until_settled(run, name)
                how = moving.finish()
            outage = prober.end()
        return HandoverReport(name, given, _held(run), run.cluster.excluded, how, outage)


@contextmanager
def _watched(with_: Maintenance, run: Run) -> Iterator[Prober]:
    """What the clients lose is counted from here on."""
    with made(run.cluster, run.gathered, run.transport, run.emit, with_.asking) as prober:
        prober.baseline()
        yield prober


def _refuse_handover(run: Run, name: str, vips: Sequence[str]) -> None:
    if not successors(run.gathered, name):
        raise RefusedError(
            f"{name}: no other node could hold the VIPs; nothing was changed",
            detail="none runs HAProxy and keepalived, could be read, and is not drained itself",
        )
    back = [vip for vip in vips if vrrp.comes_back(run, name, vip)]
    if back:
        raise RefusedError(
            f"{name}: {', '.join(back)} would come straight back; nothing was changed",
            detail="its priority is the highest, and it preempts",
            mend=f"keep it away for as long as you like: lbctl drain {name}, and then lbctl undrain {name}",
        )


@contextmanager
def _locked(with_: Maintenance, name: str, what: str) -> Iterator[Run]:
    """The node, and the others that can be read, under their locks and read once more.

    Theirs too: they have to take the VIPs, and nobody may drain or change them meanwhile. A node that cannot
    be read counts as absent. Raises NodeError for the node itself.
    """
    found = read(with_.cluster, with_.transport, with_.emit)
    own = found[name]
    if isinstance(own, NodeError):
        raise own
    cluster = with_.cluster.without(other for other, one in found.items() if isinstance(one, NodeError))
    with ExitStack() as stack:
        for node in cluster.nodes:
            stack.enter_context(with_.transport.lock(node.name, what))
        gathered = dict(read_all(cluster, with_.transport, with_.emit))
        plan = make(cluster, gathered, now())
        run = Run(cluster, "", plan, with_.transport, gathered, with_.emit)
        run.drain_timeout = DRAIN_TIMEOUT if with_.drain_timeout is None else with_.drain_timeout
        run.confirm_within = CONFIRM_WITHIN + run.drain_timeout
        yield run


def _refuse(run: Run, name: str, allowed: frozenset[str]) -> bool:
    """Is there nobody else to take the VIPs, which was allowed? Raises RefusedError."""
    facts = run.gathered[name]
    _refuse_armed(run, name)
    if not facts.active("keepalived"):
        raise RefusedError(
            f"{name}: its keepalived does not run, so it is out of the election already",
            mend="keep it from starting: systemctl disable keepalived",
        )
    if not held_out(facts):
        raise RefusedError(
            f"{name}: its keepalived follows no drain file; nothing was changed",
            mend="put drain into additions: in the cluster file, and lbctl apply",
        )
    if successors(run.gathered, name):
        return False
    if "last-node" not in allowed:
        raise RefusedError(
            f"{name}: no other node could hold the VIPs; nothing was changed",
            detail="none runs HAProxy and keepalived, could be read, and is not drained itself",
            mend="if that is meant: --allow last-node (the VIPs stay on it while it runs)",
        )
    return True


def _refuse_armed(run: Run, name: str) -> None:
    cut_off = run.gathered[name].cut_off
    if cut_off:
        raise RefusedError(
            f"{name}: the apply of plan {cut_off} was cut off there; nothing was changed",
            mend="put that back first: lbctl apply",
        )


def _write(run: Run, name: str, value: int, record: DrainRecord | None) -> None:
    """The record first: no drain without one. Both in one script, which ends also without its connection."""
    what = "drain" if value else "undrain"
    commands: list[Command] = []
    if record is not None:
        data = drain_record_text(record)
        commands.append(command("write_drain_record", hashlib.sha256(data).hexdigest(), stdin=data))
    commands = [command("make_base"), *commands, command("set_drain", str(value))]
    if record is None:
        commands.append(command("drop_drain_record"))
    run.call(name, [*commands, command("journal", "by-hand", what, "done")])
    run.drains[name] = value


def _go_on(run: Run) -> None:
    """Raises KeyboardInterrupt after Ctrl-C."""
    if run.interrupted():
        raise KeyboardInterrupt


def _put_back(run: Run, name: str) -> None:
    facts = run.gathered[name]
    try:
        _write(run, name, facts.drain, facts.drain_record)
    except NodeError as error:
        raise RemoteError(
            name,
            "the drain failed, and could not be taken back",
            detail=error.summary,
            mend=f"look at the node, then: lbctl undrain {name}",
        ) from error


def _wait_until_left(run: Run, name: str, before: vrrp.Holders) -> None:
    """Raises RemoteError. A VIP that nobody had before needs nobody now: its holder may be one not read."""

    def left(held: vrrp.Holders) -> bool:
        return all(name not in nodes and (nodes or not before[vip]) for vip, nodes in held.items())

    if vrrp.wait(run, lambda held: bool(run.interrupted()) or left(held)) is None:
        raise RemoteError(name, "the VIP did not leave it; it is as it was", mend=_STUCK)


def _wait_until_settled(run: Run, name: str) -> None:
    def settled(_: vrrp.Holders) -> bool:
        return bool(run.interrupted()) or not vrrp.complaints(run, *vrrp.look(run))

    if vrrp.wait(run, settled) is None:
        raise RemoteError(
            name,
            "it takes part in the election again, but VRRP did not settle",
            detail="\n".join(vrrp.complaints(run, *vrrp.look(run))),
            mend="look at keepalived on the nodes: lbctl status",
        )
    if run.interrupted():
        raise KeyboardInterrupt


def _held(run: Run) -> tuple[Held, ...]:
    holders, _ = vrrp.look(run)
    return tuple(Held(vip, tuple(sorted(nodes))) for vip, nodes in holders.items())


def _in(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
