"""All nodes have their keepalived take its file at one instant."""

from __future__ import annotations

import time

from lbctl.errors import RemoteError
from lbctl.model.command import command
from lbctl.model.event import Taken
from lbctl.rollout.run import AHEAD_SECONDS, NANO, Run

_SECONDS = 180


def choose_instant(run: Run) -> None:
    assert run.unit is not None
    run.unit.instant = time.time_ns() + int(AHEAD_SECONDS * NANO)


def do(run: Run, node: str) -> str:
    """Raises RemoteError when the daemon does not take it."""
    unit = run.unit
    assert unit is not None and unit.instant, "only a unit takes something together, at an instant"
    verb = next(str(effect.impact) for effect in run.effects(node) if effect.unit == "keepalived")
    said = run.call(node, [command("take_together", verb, unit.on(node, unit.instant))], _SECONDS)[0]
    found = [line.split()[1] for line in said.splitlines() if line.startswith("took ")]
    if not found:
        raise RemoteError(node, "it did not say when it took its file", evidence=said.splitlines())
    unit.took[node] = int(found[0]) - unit.clocks[node].ahead
    return f"{(unit.took[node] - unit.instant) / NANO * 1000:.0f} ms after the instant"


def taken(run: Run) -> Taken:
    """How far apart the nodes took it, and by how much that may be wrong."""
    assert run.unit is not None
    moments = run.unit.took.values()
    error = max(clock.error for clock in run.unit.clocks.values())
    return Taken(run.unit.nodes, (max(moments) - min(moments)) / NANO, error / NANO)
