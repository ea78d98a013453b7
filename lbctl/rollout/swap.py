"""The change itself: every file by compare-and-swap, then one reload or restart a daemon for all of them.

What all nodes take together is taken afterwards, at one instant.
"""

from __future__ import annotations

from lbctl.model.command import Command, command
from lbctl.model.effect import Impact
from lbctl.rollout import server_state
from lbctl.rollout.run import UNITS, Run

_SECONDS = 180


def do(run: Run, node: str) -> str:
    """Raises RemoteError at the first command that fails; what came before it is the undo's to put back."""
    run.under_way.add(node)
    works = run.works(node)
    commands: list[Command] = []
    for change, work in works:
        if change.address.kind != "service":
            commands += work.swap
    if any(change.address.name.startswith(UNITS) for change, _ in works):
        commands.append(command("daemon_reload"))
    effects = () if run.unit else run.effects(node)
    for effect in effects:
        if effect.unit == "keepalived" and node in run.stopped:
            continue  # it takes the new file when it is started again, at the undrain
        verb = "restart" if effect.impact is Impact.RESTART else "reload"
        if effect.unit == "haproxy":
            commands.append(server_state.taken(verb, *server_state.both(run, node)))
        else:
            commands.append(command(f"take_{verb}", effect.unit))
    for change, work in works:
        if change.address.kind == "service":
            commands += work.swap
    run.call(node, commands, _SECONDS)
    return ", ".join(str(effect) for effect in effects) or f"{len(works)} changed"
