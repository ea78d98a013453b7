"""A node whose connection was lost, or that is down for a moment: waiting until it is there again."""

from __future__ import annotations

import threading
import time

from lbctl.errors import LockedError, NodeError, UnreachableError
from lbctl.gather import gather_node
from lbctl.model.command import Probe
from lbctl.model.event import ConnectionLost, Gathering, NodeGathered, Reconnected
from lbctl.model.facts import Facts
from lbctl.rollout.run import Run

AT_REST = 30
"""Seconds for a node that nothing is under way on: whatever cut it off, it does not need lbctl."""

_UNDO_SECONDS = 60
_BOOT_SECONDS = 120
_ASK_SECONDS = 10
_RUNNING = Probe("running", "systemctl is-system-running; :")
_PAUSE = 1.0
_LOOK = 0.1  # how often Ctrl-C is looked for


def whole_turn(run: Run) -> int:
    """Seconds in which a node that was touched heals itself, at its deadline or when it boots."""
    return run.confirm_within + _UNDO_SECONDS + _BOOT_SECONDS


def in_touch(run: Run, node: str, seconds: int) -> None:
    """Make sure that the node answers; where its connection is lost, on a new one, with its lock.

    Tries for `seconds`, and not again for one that did not come back. Raises NodeError: it did not;
    LockedError: somebody else has got its lock; at Ctrl-C whatever the last try said.
    """
    if node in run.given_up:
        raise run.given_up[node]
    try:
        run.reach(node)
    except NodeError as error:
        _reconnect(run, node, error, seconds)


def goes_down(run: Run, node: str) -> bool:
    """Is the node gone, or on its way into a reboot? It answers for a while then, and starts nothing."""
    try:
        return run.transport.ask(node, [_RUNNING], timeout=_ASK_SECONDS)["running"].text.strip() == "stopping"
    except NodeError:
        return True


def looked_again(run: Run, node: str, found: Facts | NodeError) -> Facts | NodeError:
    """How a node stands at the end. One that served, and does not in this moment, is asked until it does.

    Its connection may be lost while nothing is under way on it; systemd may be starting a daemon that died;
    and a node on its way into a reboot still answers. For `AT_REST` seconds, or until Ctrl-C.
    """
    began, pressed = time.monotonic(), run.interrupted()
    if _serves(run, node, found):
        return found
    run.emit(Gathering((node,)))
    while time.monotonic() - began < AT_REST and run.interrupted() == pressed and node not in run.given_up:
        _pause(run, pressed)
        try:
            in_touch(run, node, AT_REST)
            found = gather_node(run.node(node), run.transport)
        except NodeError as error:
            found = error
        if _serves(run, node, found):
            break
    run.emit(NodeGathered(node, time.monotonic() - began))
    return found


def _serves(run: Run, node: str, found: Facts | NodeError) -> bool:
    """As far as it shall: what did not run before, or has left the cluster, or is given up by systemd, is as
    it is."""
    if isinstance(found, NodeError):
        return False
    now = found.daemon("haproxy")
    wanted = run.gathered[node].active("haproxy") and not run.cluster.retires(node)
    return not wanted or now is None or now.active or now.failed


def _reconnect(run: Run, node: str, lost: NodeError, seconds: int) -> None:
    began, pressed = time.monotonic(), run.interrupted()
    run.emit(ConnectionLost(node, seconds, _without_name(lost)))
    while error := _tried(run, node, pressed):
        waited = time.monotonic() - began
        if isinstance(error, LockedError) or run.interrupted() > pressed or waited > seconds:
            run.given_up[node] = error
            run.emit(Reconnected(node, False, waited, _without_name(error)))
            raise error
        _pause(run, pressed)
    run.emit(Reconnected(node, True, time.monotonic() - began))


def _tried(run: Run, node: str, pressed: int) -> NodeError | None:
    """Why there is no new connection. Nobody waits for a try after Ctrl-C."""
    errors: list[NodeError] = []
    done = threading.Event()

    def attempt() -> None:
        try:
            run.transport.reconnect(node)
            run.reach(node)
        except NodeError as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=attempt, daemon=True).start()
    while not done.wait(_LOOK):
        if run.interrupted() > pressed:
            return UnreachableError(node, "the waiting for a new connection was ended")
    return errors[0] if errors else None


def _pause(run: Run, pressed: int) -> None:
    until = time.monotonic() + _PAUSE
    while time.monotonic() < until and run.interrupted() == pressed:
        time.sleep(_LOOK)


def _without_name(error: NodeError) -> str:
    said = error.summary.removeprefix(f"{error.node}: ")
    return f"{said}: {error.detail.splitlines()[0]}" if isinstance(error, LockedError) else said
