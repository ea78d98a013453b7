"""The end of a node's turn: its owner record is written and the undo is disarmed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from threading import BrokenBarrierError

from lbctl.errors import NodeError, RemoteError
from lbctl.gather import write_owner
from lbctl.host import layers
from lbctl.kinds import KINDS
from lbctl.model.change import Action, Change
from lbctl.model.cluster import roster_entry
from lbctl.model.command import Command, command
from lbctl.model.owner import Owner
from lbctl.model.resource import Resource
from lbctl.planning import roster
from lbctl.rollout import retire
from lbctl.rollout.reconnect import in_touch, whole_turn
from lbctl.rollout.run import Run, Unit

_LET_GO = (Action.RESTORE, Action.FORGET)
_MARGIN = 5
_WAIT_SECONDS = 100  # longer than a node makes a script wait for an earlier one


def do(run: Run, node: str) -> str:
    """One serial more, when anything but the record changed; a restart alone leaves the record as it is."""
    restarted = run.restarts(node)
    # an install leaves nothing to swap where only a package was missing: the node was changed all the same
    touched = not restarted and (node in run.under_way or bool(run.touching(node)))
    owner, resources = record(run, node, touched)
    data = write_owner(owner, resources)
    # until the confirm the undo gives back the old record too; what it would need goes after it
    commands: list[Command] = [command("make_base"), _note(run, node), *_kept(run, node)]
    if not restarted:
        commands.append(command("write_owner", hashlib.sha256(data).hexdigest(), stdin=data))
    if run.unit is not None:
        if not _all_ready(run, run.unit, node, commands):
            return "not confirmed: another node is not ready to be"
        commands = []
    if node in run.armed:
        keep = ("keep",) if node in run.awaiting else ()
        commands.append(command("confirm", run.transaction(node), *keep))
    commands += _forgotten(run, node)
    if run.cluster.retires(node):
        commands.append(command("drop_drain_record"))
    try:
        run.call(node, commands)
    except NodeError:
        if not _stands(run, node):
            raise
    run.armed.discard(node)
    run.done.add(node)
    return f"serial {owner.serial}"


def _all_ready(run: Run, unit: Unit, node: str, commands: list[Command]) -> bool:
    """Between the first node's confirm and the last one's lies as little as can be: all else is done before.

    Raises NodeError when this node is not ready, or when the first to reach its deadline may be one that is
    not confirmed yet, beside others that are.
    """
    try:
        run.call(node, commands)
    except NodeError:
        unit.ready.abort()
        raise
    try:
        unit.ready.wait(_WAIT_SECONDS)
    except BrokenBarrierError:
        return False
    if not unit.in_time:
        raise RemoteError(node, "too little of the time to confirm is left", mend="a longer --confirm-within")
    return True


def _stands(run: Run, node: str) -> bool:
    """Was it confirmed, although the answer was lost? Then there is nothing to undo, and nothing failed."""
    if node not in run.armed:
        return False
    try:
        # before those that are not confirmed put themselves back, the others have to know
        in_touch(run, node, run.unit.seconds_left() - _MARGIN if run.unit else whole_turn(run))
        run.transport.run(node, [command("is_confirmed", run.transaction(node))], timeout=_WAIT_SECONDS)
    except NodeError:
        return False
    return True


def _kept(run: Run, node: str) -> Iterator[Command]:
    """What was there before lbctl is kept, also where it was as desired already."""
    for change in run.changes[node]:
        if change.address.kind == "file" and change.action is Action.RECORD and _first(run, node, change):
            yield command("keep_original", change.address.name)


def _note(run: Run, node: str) -> Command:
    """Which process has read which file, and of which that nothing has to be loaded for."""
    found = [c for c in run.changes[node] if c.address.kind == "file" and c.action is Action.RECORD]
    adopted = {c.address.name for c in found if _first(run, node, c)}
    recorded = {c.address.name for c in found} - adopted
    return layers.note(run.node(node), sorted(recorded), sorted(adopted))


def _forgotten(run: Run, node: str) -> Iterator[Command]:
    """What was given back is kept no longer."""
    for change in run.changes[node]:
        if change.address.kind == "file" and change.action in _LET_GO:
            yield command("forget_original", change.address.name)


def _first(run: Run, node: str, change: Change) -> bool:
    """Does this apply take the resource up, one that was there before?"""
    owner = run.gathered[node].owner
    return change.live is not None and (owner is None or owner.applied(change.address) is None)


def record(run: Run, node: str, touched: bool) -> tuple[Owner, list[Resource]]:
    """What the node's owner record says after this apply."""
    facts = run.gathered[node]
    old = facts.owner
    if run.cluster.retires(node):
        assert old is not None, "only what is ours is retired"
        gone = retire.record(run, old)
        return gone, list(gone.resources)
    resources = [r for kind in KINDS for r in kind.desired(run.node(node), facts.key)]
    if node in run.awaiting:  # not changed yet: it stays recorded as it was
        was = old.applied(run.awaiting[node]) if old else None
        resources = [r for r in resources if r.address != run.awaiting[node]] + ([was] if was else [])
    kept = set(old.originals) if old else set()
    for change in run.changes[node]:
        if change.address.kind != "file":
            continue
        if change.action in _LET_GO:
            kept.discard(change.address.name)
        elif _first(run, node, change) and change.action is not Action.DELETE:
            kept.add(change.address.name)
    owner = Owner(
        cluster=run.cluster.name,
        cluster_id=run.cluster_id,
        serial=(old.serial if old else 0) + (1 if touched else 0),
        plan=run.plan.id,
        key=facts.key,
        resources=tuple(resources),
        originals=tuple(sorted(kept)),
        address=roster_entry(run.node(node)).address,
        roster=roster.written(run.cluster, run.plan, old, run.done),
    )
    return owner, resources
