"""Does the node serve with its new configuration? Asked of the node until it does, or the time is up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lbctl.errors import RemoteError
from lbctl.gather import gather_node
from lbctl.haproxy.views import Bind, binds, servers
from lbctl.host.facts import RELOAD_FAILED
from lbctl.model.change import Action, Change
from lbctl.model.cluster import Node
from lbctl.model.command import command
from lbctl.model.effect import Effect, Impact
from lbctl.model.facts import Facts, Listener
from lbctl.model.resource import Address
from lbctl.planning import join
from lbctl.planning.meaning import document
from lbctl.planning.order import vip_addresses
from lbctl.planning.threeway import compare
from lbctl.rollout import vrrp
from lbctl.rollout.run import Run

_SECONDS = 12.0
_POLL = 0.2
# a kernel that hears of two holders within a second believes the first (locktime); keepalived announces the
# VIP once more after 5 s (garp_master_delay)
_ANSWER_SECONDS = 8.0


def do(run: Run, node: str) -> str:
    """Raises RemoteError with what is not right, and with the daemons' last messages."""
    before, effects, wanted = run.gathered[node], run.effects(node), run.node(node)
    if node in run.stopped:  # keepalived, to make the VIP leave; it is started at the undrain
        wanted = replace(wanted, services=tuple(s for s in wanted.services if s.name != "keepalived"))
        effects = tuple(effect for effect in effects if effect.unit != "keepalived")
    others = [facts for name, facts in run.gathered.items() if name != node]
    until = time.monotonic() + _SECONDS
    while True:
        now = gather_node(run.node(node), run.transport)
        run.still_armed(node, now)
        run.keep_budget(node)
        wrong = list(complaints(wanted, before, now, effects, others, run.awaiting.get(node)))
        if not wrong:
            break
        if for_good(wanted, now, effects) or time.monotonic() > until:
            raise RemoteError(node, wrong[0], detail="\n".join(wrong[1:]), evidence=_evidence(run, node))
        time.sleep(_POLL)
        # a controller that went down meanwhile is down for the others too, and no fault of this change
        others = [gather_node(run.node(facts.node), run.transport) for facts in others]
    started = join.starts(run.changes[node])
    said = [vrrp.stands_back(run, node)] if started else []
    said += [answering(run, node, node), *_new_servers(run, node)]
    if not (started or run.held_out(node) or node in run.stopped):
        said.insert(0, vrrp.settled(run, node))
    return "; ".join(one for one in said if one)


def complaints(
    node: Node,
    before: Facts,
    now: Facts,
    effects: Sequence[Effect],
    others: Sequence[Facts],
    awaiting: Address | None = None,
) -> Iterator[str]:
    """Everything that is not as it shall be; `awaiting` is yet to be changed. Pure."""
    restarted = [e.unit for e in effects if e.impact is Impact.RESTART and before.active(e.unit)]
    for unit in dict.fromkeys([*(s.name for s in node.services if s.active), *restarted]):
        if not now.active(unit):
            yield f"{unit} is not active"
    for unit in _could_not_reload(now, effects):
        yield f"{unit} could not reload; its old process goes on with the old configuration"
    yield from _not_restarted(before, now, restarted)
    reloaded = any(effect.unit == "haproxy" for effect in effects) and before.active("haproxy")
    yield from _not_listening(node, before if reloaded else None, now)
    changes, unknown = compare(node, now)
    for change in changes:
        if change.action.touches and change.address != awaiting and not _given_back(change):
            yield f"{change.address} is not as desired: {', '.join(d.attribute for d in change.differences)}"
    yield from (problem.text for problem in unknown)
    yield from _servers_lost(before, now, others)


def _could_not_reload(now: Facts, effects: Sequence[Effect]) -> list[str]:
    """The units that were told to; what somebody else tried before is not this change's."""
    told = {effect.unit for effect in effects}
    return [d.unit for d in now.daemons if d.status == RELOAD_FAILED and d.unit in told]


def for_good(node: Node, now: Facts, effects: Sequence[Effect]) -> bool:
    """Is something wrong that no waiting mends?"""
    wanted = {service.name for service in node.services if service.active}
    return bool(_could_not_reload(now, effects)) or any(d.failed and d.unit in wanted for d in now.daemons)


def _not_restarted(before: Facts, now: Facts, units: Sequence[str]) -> Iterator[str]:
    """After a restart a unit's main process is another one."""
    for unit in units:
        old, new = before.daemon(unit), now.daemon(unit)
        if old and new and old.main_pid == new.main_pid:
            yield f"{unit} was not restarted: its main process is still {old.main_pid}"


def _given_back(change: Change) -> bool:
    """Dropped from the cluster file: until the record is written it counts as owned, and is still there."""
    return change.desired is None and (change.action is Action.RESTORE or change.address.kind == "sysctl")


def _not_listening(node: Node, before: Facts | None, now: Facts) -> Iterator[str]:
    """Every bind of the file has a listener, and after a reload one that a new process holds."""
    file = node.file_of("haproxy")
    wanted = document("haproxy", file.content) if file else None
    if wanted is None or not now.active("haproxy"):
        return
    old = {pid for one in before.listeners for pid in one.pids} if before else set()
    for bind in binds(wanted):
        if bind.socket or bind.udp or not bind.first_port:
            continue
        for port in range(bind.first_port, bind.last_port + 1):
            found = [one for one in now.listeners if one.port == port and _covers(one, bind)]
            if not found:
                yield f"nothing listens on {bind.raw}, frontend {bind.proxy}"
            elif old and not any(pid not in old for one in found for pid in one.pids):
                yield f"the new configuration is not loaded: {bind.raw} is held as before"


def _covers(listener: Listener, bind: Bind) -> bool:
    everywhere = ("*", "0.0.0.0", "::")
    return listener.address in everywhere or bind.address in ("", "*", listener.address)


def _servers_lost(before: Facts, now: Facts, others: Sequence[Facts]) -> Iterator[str]:
    """No backend has fewer live servers than the other nodes see, but for what an operator took out here.

    What was down here before too is a controller that comes back: HAProxy wants `rise` checks in a row, 20 s
    with `inter 10s`, and its backend serves with the others meanwhile.
    """
    if now.servers is None:
        return
    out = {(s.backend, s.server) for s in before.servers or () if s.status.startswith(("MAINT", "DRAIN"))}
    down = {(s.backend, s.server) for s in before.servers or () if not s.up}
    mine = {(s.backend, s.server): s.up for s in now.servers if (s.backend, s.server) not in out}
    serving = {backend for (backend, _), up in mine.items() if up}
    for facts in others:
        for seen in facts.servers or ():
            place = (seen.backend, seen.server)
            if seen.up and mine.get(place) is False and not (place in down and seen.backend in serving):
                yield f"{seen.backend}/{seen.server} is down here and up on {facts.node}"


def answering(run: Run, node: str, of: str) -> str:
    """The VIP accepts connections from `node`, on every port that `of`'s file has. Raises RemoteError."""
    file = run.node(of).file_of("haproxy")
    wanted = document("haproxy", file.content) if file else None
    holders, _ = vrrp.look(run)
    held = {vip for vip, names in holders.items() if names} & vip_addresses(run.cluster)
    places = [(b.address, b.first_port) for b in binds(wanted) if b.address in held] if wanted else []
    # a new port is served by the holder only after its own turn
    served = [(a, p) for a, p in places if _holder_serves(run, holders, a, p)]
    if not served or "bash" not in run.gathered[node].tools:
        return ""
    until = time.monotonic() + _ANSWER_SECONDS
    while said := run.call(node, [command("try_connects", *(f"{a}/{p}" for a, p in served))])[0].split():
        if time.monotonic() > until:
            raise RemoteError(node, f"the VIP does not answer: {', '.join(said)}")
    return f"{len(served)} ports answer through the VIP"


def _holder_serves(run: Run, holders: vrrp.Holders, address: str, port: int) -> bool:
    for name in holders[address]:
        if name in run.done or name in run.under_way:
            return True
        live = run.live_document(name, "haproxy")
        if live is None or not any(b.address == address and b.first_port == port for b in binds(live)):
            return False
    return True


def _new_servers(run: Run, node: str) -> Iterator[str]:
    """One connection to each server that is new or changed: those that refuse it are named, no more.

    A controller may be entered before it is up; HAProxy's own check decides when it serves.
    """
    file = run.node(node).file_of("haproxy")
    wanted, live = document("haproxy", file.content) if file else None, run.live_document(node, "haproxy")
    if wanted is None or "bash" not in run.gathered[node].tools:
        return
    old = {s.words for s in servers(live)} if live else set()
    places = [f"{s.address}/{s.port}" for s in servers(wanted) if s.words not in old and s.port]
    if places:
        refused = run.call(node, [command("try_connects", *places)])[0].split()
        hosts = Counter(place.rpartition("/")[0] for place in refused)
        if hosts:
            yield "not reachable yet: " + ", ".join(
                f"{h} ({n} of its ports)" for h, n in sorted(hosts.items())
            )


def _evidence(run: Run, node: str) -> list[str]:
    """What the daemons said last; of HAProxy, which says much at a reload, what it calls an alert."""
    said = run.call(node, [command("last_messages", unit, "60") for unit in ("haproxy", "keepalived")])
    lines = [[line for line in text.splitlines() if line.strip()] for text in said]
    alerts = [[line for line in found if "[ALERT]" in line] for found in lines]
    return [line for alert, found in zip(alerts, lines, strict=True) for line in (alert or found)[-6:]]
