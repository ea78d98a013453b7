"""One node back to before its turn, by the fixed script that is on it, and proof that it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from lbctl.document import Document
from lbctl.errors import LockedError, NodeError
from lbctl.gather import gather_node
from lbctl.haproxy.views import binds
from lbctl.host.facts import RELOAD_FAILED
from lbctl.model.command import command
from lbctl.model.facts import Facts
from lbctl.model.resource import Resource
from lbctl.planning import election
from lbctl.rollout.reconnect import goes_down, in_touch, whole_turn
from lbctl.rollout.run import Run
from lbctl.rollout.upgrade import not_back

_SECONDS = 120
_POLL = 0.3


def undo(run: Run, node: str, how: Sequence[str] = ()) -> tuple[bool, str]:
    """Is the node back as it was, and what is to be said of it. A connection that is lost is made anew."""
    armed, until = node in run.armed, time.monotonic() + whole_turn(run)
    again = True  # a node that fails on its way into a reboot may have booted when it is asked why
    run.armed.discard(node)
    while True:
        try:
            in_touch(run, node, whole_turn(run))
        except NodeError as error:
            why = str(error) if isinstance(error, LockedError) else error.summary
            return (
                False,
                f"{why}; it puts itself back within {run.confirm_within} s of its arm, or at its boot",
            )
        try:
            healed = armed and not gather_node(run.node(node), run.transport).armed
            return _undone(run, node, how, healed=healed)
        except NodeError as error:
            going = goes_down(run, node)
            if time.monotonic() > until or not (going or again):
                return False, str(error)
            again = going
        time.sleep(_POLL)


def _undone(run: Run, node: str, how: Sequence[str], *, healed: bool) -> tuple[bool, str]:
    """`healed` = it had put itself back before it could be asked again. Raises NodeError."""
    put_back(run, node, how)
    run.drains[node] = run.drain_before(node)
    run.stopped.discard(node)
    run.waiting.discard(node)
    run.under_way.discard(node)
    good, text = _back(run, node)
    return good, "it had put itself back" if good and healed else text


def put_back(run: Run, node: str, how: Sequence[str] = ()) -> None:
    """Run the undo that stands on the node. Harmless where there is none. Raises RemoteError."""
    run.call(node, [command("undo", *how), command("stage_end")], _SECONDS)


def _back(run: Run, node: str) -> tuple[bool, str]:
    until = time.monotonic() + election.settle_seconds([]) + 10
    while True:
        before, now = run.gathered[node], gather_node(run.node(node), run.transport)
        wrong = [*differences(before, now), *not_serving(before, now, run.live_document(node, "haproxy"))]
        wrong += not_back(run, node)
        if not wrong:
            return True, "back as it was"
        given_up = any(one.failed for one in now.daemons if before.active(one.unit))
        if given_up or time.monotonic() > until:
            return False, "not back as it was: " + ", ".join(wrong)
        time.sleep(_POLL)


def differences(before: Facts, now: Facts) -> list[str]:
    """Which resources are not as they were, content by its bytes: the digests' key may differ by run."""
    old = {r.address: r for r in before.resources if isinstance(r, Resource)}
    new = {r.address: r for r in now.resources if isinstance(r, Resource)}
    return [
        str(address)
        for address in sorted({*old, *new})
        if _bytes_and_values(old.get(address)) != _bytes_and_values(new.get(address))
    ]


def not_serving(before: Facts, now: Facts, document: Document | None) -> Iterator[str]:
    """What served before, by HAProxy's old file, and does not now."""
    for daemon in before.daemons:
        if daemon.active and not now.active(daemon.unit):
            yield f"{daemon.unit} is not active"
    for daemon in now.daemons:
        if daemon.status == RELOAD_FAILED and before.daemon(daemon.unit) != daemon:
            yield f"{daemon.unit} could not reload"
    listened, listens = ({one.port for one in facts.listeners} for facts in (before, now))
    for bind in binds(document) if document else ():
        if any(port in listened - listens for port in range(bind.first_port, bind.last_port + 1)):
            yield f"nothing listens on {bind.raw}"


def _bytes_and_values(resource: Resource | None) -> object:
    if resource is None:
        return None
    values = {name: value for name, value in resource.values.items() if name != "content"}
    return values, resource.content.data if resource.content else None
