"""A node whose connection was lost: waiting until it can be asked again, on a new one."""

from __future__ import annotations

import threading
import time

from lbctl.errors import LockedError, NodeError, UnreachableError
from lbctl.model.event import ConnectionLost, Reconnected
from lbctl.rollout.run import Run

AT_REST = 30
"""Seconds for a node that nothing is under way on: whatever cut it off, it does not need lbctl."""

_UNDO_SECONDS = 60
_BOOT_SECONDS = 120
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
