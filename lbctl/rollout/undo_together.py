"""Nodes that changed together back to before that, at one instant: alone, none would hear the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from lbctl.errors import NodeError
from lbctl.model.command import command
from lbctl.rollout.reconnect import in_touch, whole_turn
from lbctl.rollout.run import AHEAD_SECONDS, NANO, Run, Unit
from lbctl.rollout.undo import put_back, undo

_POLL = 0.3


def undo_together(run: Run) -> dict[str, tuple[bool, str]]:
    """By node: is it as it was, and what is to be said of it.

    While one of them cannot be reached, or may reach its deadline before it is told, the instant is the one
    that all of them know: the others wait for it. By then it has put itself back as well, which is looked at
    as soon as it can be reached. Where all have put themselves back already there is nothing to wait for.
    """
    unit = run.unit
    assert unit is not None
    run.armed.difference_update(unit.nodes)
    run.awaiting = unit.changes

    def tell(node: str) -> bool:
        in_touch(run, node, whole_turn(run))
        return _rearm(run, node, run.transaction(node))

    def back(node: str, how: Sequence[str]) -> tuple[bool, str]:
        wait([found[node]])
        return undo(run, node, how)

    with ThreadPoolExecutor(max_workers=2 * len(unit.nodes)) as pool:
        found = {node: pool.submit(tell, node) for node in unit.nodes}
        wait(found.values(), unit.seconds_left() if unit.instant else None)
        alone = unit.instant > 0 and not _told_in_time(unit, list(found.values()))
        if alone:
            _wait_for(run, unit.undo_at)
        ways = [()] * len(unit.nodes) if alone else _ways(unit)
        return dict(zip(unit.nodes, pool.map(back, unit.nodes, ways), strict=True))


def put_back_together(run: Run, transaction: str) -> None:
    """What an apply left on all nodes that was cut off in the middle of it. Raises NodeError.

    One that was confirmed already goes back with those that were not.
    """
    names = tuple(run.gathered)
    unit = Unit(names, 0, {})

    def ready(node: str) -> None:
        unit.clocks[node] = run.transport.clock(node)
        _rearm(run, node, transaction)

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        list(pool.map(ready, names))
        list(pool.map(lambda node, how: put_back(run, node, how), names, _ways(unit)))


def _told_in_time(unit: Unit, reached: Sequence[Future[bool]]) -> bool:
    """Can each node still be told an instant before it puts itself back, or have all of them done so?"""
    if any(not one.done() or isinstance(one.exception(), NodeError) for one in reached):
        return False
    return unit.has_time() or not any(one.result() for one in reached)


def _rearm(run: Run, node: str, transaction: str) -> bool:
    """Is there anything to put back?"""
    return run.call(node, [command("rearm", transaction)])[0] != ""


def _ways(unit: Unit) -> list[tuple[str, ...]]:
    """How each node's undo is called. One whose clock nobody asked has taken nothing: it does not wait."""
    at = time.time_ns() + int(AHEAD_SECONDS * NANO)
    return [("at", unit.on(node, at)) if node in unit.clocks else () for node in unit.nodes]


def _wait_for(run: Run, instant: int) -> None:
    """The nodes put themselves back then. Ctrl-C ends the waiting, not that."""
    pressed = run.interrupted()
    while time.time_ns() < instant + NANO and run.interrupted() == pressed:
        time.sleep(_POLL)
