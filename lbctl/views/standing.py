"""How a node stands, from what was gathered: shared by every view of a status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lbctl.errors import NodeError
from lbctl.model.facts import Facts
from lbctl.model.plan import Role


@dataclass(frozen=True)
class NodeStanding:
    """One node's row of a status: words as they are shown. `servers` is "up/all", "" = not asked."""

    node: str
    role: str
    serial: str
    haproxy: str
    keepalived: str
    servers: str
    holds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def standing(vips: Sequence[str], node: str, found: Facts | NodeError) -> NodeStanding:
    """The row of one node; of one that could not be read everything is unknown."""
    if isinstance(found, NodeError):
        unknown = "unknown"
        why = str(found).removeprefix(f"{node}: ").replace("\n", "; ")
        return NodeStanding(node, unknown, "?", unknown, unknown, "", notes=(why,))
    holds = tuple(vip for vip in vips if vip in found.held)
    return NodeStanding(
        node=node,
        role=str(_role(found, holds)),
        serial=str(found.owner.serial) if found.owner else "none",
        haproxy=_unit(found, "haproxy"),
        keepalived=_unit(found, "keepalived"),
        servers=_servers(found),
        holds=holds,
        notes=tuple(_notes(found)),
    )


def _role(facts: Facts, holds: Sequence[str]) -> Role:
    """As a plan says it (planning.order.role)."""
    if holds:
        return Role.MASTER
    return Role.BACKUP if facts.active("keepalived") else Role.NONE


def _unit(facts: Facts, unit: str) -> str:
    daemon = facts.daemon(unit)
    if daemon is None or not daemon.loaded:
        return "not there"
    return "active" if daemon.active else "not active"


def _servers(facts: Facts) -> str:
    if facts.servers is None:
        return ""
    return f"{sum(server.up for server in facts.servers)}/{len(facts.servers)}"


def _drained(facts: Facts) -> Iterator[str]:
    record = facts.drain_record
    if facts.drain or record:
        out = f"kept out of the election (drain {facts.drain})"
        by = f" by {record.who} until {record.until or 'nobody knows when'}" if record else ""
        yield out + by + (f": {record.reason}" if record and record.reason else "")


_UNDONE = {"wait": "put back by itself", "boot": "put back when it booted"}


def _notes(facts: Facts) -> Iterator[str]:
    """What an operator wants to be told without asking."""
    if facts.owner is None:
        yield "lbctl has applied nothing here yet"
    if facts.lock:
        yield f"locked by {facts.lock.who} since {facts.lock.since}: {facts.lock.what}"
    if facts.armed:
        yield f"an undo is armed: {facts.cut_off}"
    if facts.undone:
        how = _UNDONE.get(facts.undone.how, "put back")
        yield f"its last change was {how} at {facts.undone.when}: {facts.undone.plan}"
    yield from _drained(facts)
    down = [f"{s.backend}/{s.server} {s.status}" for s in facts.servers or () if not s.up]
    if down:
        more = " …" if len(down) > 3 else ""
        yield f"{len(down)} server{'s' if len(down) > 1 else ''} not up: {', '.join(down[:3])}{more}"
    for daemon in facts.daemons:
        if daemon.loaded and not daemon.active:
            yield f"{daemon.unit} is not active" + (f": {daemon.status}" if daemon.status else "")
