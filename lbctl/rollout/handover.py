"""A VIP moves without cutting a connection: those that are open end on the node that has them.

Before the move every other node that runs keepalived gets a table that sends their packets on to the old
holder. That one keeps the VIP on lo for as long as they last, and answers no ARP for it. Each part is armed
for its removal on each node that gets one, also where that node has no turn of its own. Measured: 0 of
3 000 000 requests failed; moved plainly, the VIP costs each client one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from math import ceil

from lbctl.errors import NodeError, RemoteError
from lbctl.haproxy.views import binds
from lbctl.host.handover import Sent, family, open_ports, open_probe, rules
from lbctl.keepalived.views import instances
from lbctl.model.command import Command, Probe, command
from lbctl.planning.election import DRAINED
from lbctl.planning.handover import obstacles
from lbctl.planning.order import drained_by_hand, held_out, vip_addresses
from lbctl.rollout import server_state, servers, vrrp
from lbctl.rollout.arm import install_undo
from lbctl.rollout.run import Run

_HEARD_SECONDS = 0.5  # from the move until every client's packets go to the new holder
_POLL = 0.5
_ADDRESSES = Probe("addresses", "ip -o addr show")


@dataclass(frozen=True)
class Move:
    """A VIP that leaves its holder for its next owner."""

    vip: str
    holder: str
    owner: str


def leaving(run: Run, node: str, *, drained: bool) -> tuple[Move, ...]:
    """What moves when the node is out of the election: drained, or with its keepalived stopped."""
    holders, active = vrrp.look(run)
    return _moves(run, holders, active if drained else active - {node}, {**run.drains, node: DRAINED})


def coming(run: Run, node: str, drain: int) -> tuple[Move, ...]:
    """What moves when the node takes part in the election, with this in its drain file."""
    holders, active = vrrp.look(run)
    return _moves(run, holders, active | {node}, {**run.drains, node: drain})


def _moves(
    run: Run, holders: vrrp.Holders, active: frozenset[str], drains: dict[str, int]
) -> tuple[Move, ...]:
    owners = vrrp.owners_of(run, holders, active, drains)
    return tuple(
        Move(vip, holder, owners[vip])
        for vip, held in holders.items()
        for holder in held
        if owners[vip] and owners[vip] not in held
    )


@dataclass(frozen=True)
class Handover:
    """The moves that are prepared: none where they are plain, because of `plain`, and where there is none."""

    run: Run
    moves: tuple[Move, ...]
    plain: str = ""

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(move.holder for move in self.moves))

    def vips(self, holder: str) -> tuple[str, ...]:
        return tuple(move.vip for move in self.moves if move.holder == holder)

    def finish(self) -> str:
        """The VIPs have moved: what is open ends on the old holders, kept-alive connections by a soft stop.

        Waits for it. Says how they moved: how long that took, or what was still open after the longest time;
        "" where none did.
        """
        if not self.moves:
            return f"plainly, because {self.plain}" if self.plain else ""
        began = time.monotonic()
        time.sleep(_HEARD_SECONDS)
        went_on: list[str] = []
        _at_once(self.holders, lambda holder: went_on.extend(_stop_softly(self.run, holder)))
        while left := self._left():
            self.run.keep_budget(self.holders[0])
            if time.monotonic() - began > self.run.drain_timeout:
                cut = f"after {self.run.drain_timeout} s {_cut(left)}"
                return f"not losslessly: {'; '.join((*went_on, cut))}"
            time.sleep(_POLL)
        return f"losslessly: all connections ended within {time.monotonic() - began:.1f} s"

    def _of_nodes(self, holder: str) -> list[str]:
        """Where the clients come from that run on the holder itself, or on nodes that get its VIPs."""
        nodes = {holder, *(move.owner for move in self.moves if move.holder == holder)}
        held = {address for node in nodes for address in self.run.gathered[node].held}
        return sorted(held | vip_addresses(self.run.cluster))

    def _left(self) -> Counter[str]:
        """How many connections are open, by the frontend."""
        found: Counter[str] = Counter()
        for holder in self.holders:
            probe = open_probe(self.vips(holder), self._of_nodes(holder))
            answer = self.run.transport.ask(holder, [probe]).get("open")
            if answer is None or answer.status != 0:
                raise RemoteError(holder, "it does not say which connections are open")
            names = _frontends(self.run, holder)
            for port, number in open_ports(answer.text).items():
                found[names.get(port, f"port {port}")] += number
        return found


@contextmanager
def prepared(run: Run, moves: Sequence[Move]) -> Iterator[Handover]:
    """Before the VIPs move; at the end all of it is taken away, whatever happens.

    Raises NodeError: a node could not be prepared, and nothing has moved; or not be rid of what it had, which
    it takes away itself when its time to confirm has passed.
    """
    plain = _plain_because(run) if moves else ""
    if plain or not moves:
        yield Handover(run, (), plain)
        return
    handover = Handover(run, tuple(moves))
    parts = _Parts(run, handover)
    try:
        _at_once(parts.nodes, parts.prepare)
        yield handover
        _at_once(parts.nodes, parts.end)
    except BaseException:
        with suppress(NodeError):  # who cannot be reached ends it by itself
            _at_once(parts.nodes, parts.end)
        raise


def _plain_because(run: Run) -> str:
    reasons = [why for why, _ in obstacles(run.gathered)]
    return next(iter(reasons), "") if run.drain_timeout else "--drain-timeout is 0"


class _Parts:
    """What each node gets."""

    def __init__(self, run: Run, handover: Handover) -> None:
        self._run, self._handover = run, handover
        holders, active = vrrp.look(run)
        owners = {move.owner for move in handover.moves}
        self._busy = owners.union(*holders.values())
        self.nodes = tuple(sorted(active | owners | set(handover.holders)))
        self._sent = {holder: tuple(_sent(run, holder, handover.vips(holder))) for holder in handover.holders}
        self._armed = {node for node in self.nodes if node in run.armed}
        self._out = {node for node in self.nodes if self._waits(node)}

    def _waits(self, node: str) -> bool:
        """Is it held out of the election? Of two backups the lower one may be the first, by a moment."""
        in_turn = self._armed - self._run.waiting
        return node not in self._busy | in_turn and _may_be_held_out(self._run, node)

    def _seconds(self) -> int:
        """Until a node without a turn of its own puts itself back, should nobody confirm.

        One that gets its VIP back by its own undo has it by then. Were the tables gone before, what is open
        on it would be reset, and what began meanwhile cut by the move: kept-alive clients twice (measured: 67
        requests of 60 clients; moved plainly there and back, 81).
        """
        return self._run.confirm_within + ceil(vrrp.settle_seconds(self._run))

    def prepare(self, node: str) -> None:
        run = self._run
        if node not in self._armed:
            run.attending.add(node)
            run.steps[node] = "handover"
            saved = [command("save_drain")] if node in self._out else []
            begin = [command("make_base"), command("txn_begin", run.transaction(node)), *saved]
            run.call(node, [*begin, install_undo(), command("arm", str(self._seconds()))])
            run.armed.add(node)
        elif node in run.waiting:
            servers.arm_anew(run, node, self._seconds())
        run.call(node, self._commands(node))
        if node in self._out:
            run.drains[node] = DRAINED

    def _commands(self, node: str) -> Iterator[Command]:
        others = [one for holder, sent in self._sent.items() if holder != node for one in sent]
        families = sorted({family(move.vip) for move in self._handover.moves})
        devices = _devices(self._run, node)
        there = [Sent(one.vips, one.address, devices.get(one.vips[0], one.device)) for one in others]
        yield command("send_on", *families, stdin=rules(families, there).encode())
        for one in self._sent.get(node, ()):
            places = (f"{vip}/{ip_address(vip).max_prefixlen}" for vip in one.vips)
            yield command("answer_on_lo", one.device, *places)
        if node in self._out & self._armed:
            yield command("note_part", "drain", str(self._run.drain_before(node)))
        if node in self._out:
            yield command("set_drain", str(DRAINED))

    def end(self, node: str) -> None:
        run = self._run
        if node in run.armed:
            run.call(node, self._ending(node))
        elif node in run.attending:  # not armed, or its answer was lost: nothing was put up yet
            run.call(node, [self._disarm(node)])
        if node in self._out:
            run.drains[node] = run.drain_before(node)
        if node not in self._armed:
            run.armed.discard(node)
            run.attending.discard(node)

    def _ending(self, node: str) -> Iterator[Command]:
        yield command("end_handover")
        if node in self._out:
            yield command("set_drain", str(self._run.drain_before(node)))
        if node not in self._armed:
            yield self._disarm(node)

    def _disarm(self, node: str) -> Command:
        return command("disarm", self._run.transaction(node))


def _at_once(nodes: Sequence[str], do: Callable[[str], object]) -> None:
    """On all of them, to the end, whatever fails on one. Raises the first NodeError in their order."""
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        futures = [pool.submit(do, node) for node in nodes]
    for future in futures:
        future.result()


def _may_be_held_out(run: Run, node: str) -> bool:
    facts = run.gathered[node]
    return held_out(facts) and not drained_by_hand(facts)


def _devices(run: Run, node: str) -> dict[str, str]:
    """By VIP, the interface that it is on when this node has it."""
    found = vrrp.loaded(run, node, "keepalived")
    each = instances(found) if found else ()
    return {vip.address: vip.dev or one.interface for one in each for vip in one.vips}


def _sent(run: Run, holder: str, vips: Iterable[str]) -> Iterator[Sent]:
    """By interface and family, with an address of the holder's own there. Raises RemoteError without one."""
    devices = _devices(run, holder)
    said = run.transport.ask(holder, [_ADDRESSES])["addresses"].text
    groups: dict[tuple[str, str], list[str]] = {}
    for vip in vips:
        groups.setdefault((devices[vip], family(vip)), []).append(vip)
    for (device, kind), group in groups.items():
        own = [one for one in _addresses(said, device) if family(one) == kind and one not in devices]
        if not own:
            raise RemoteError(holder, f"it has no address of its own on {device}, beside {', '.join(group)}")
        yield Sent(tuple(group), own[0], device)


def _addresses(said: str, device: str) -> list[str]:
    """On a device, from `ip -o addr show`; those of a link alone last."""
    rows = (line.split() for line in said.splitlines())
    found = [row[3].partition("/")[0] for row in rows if len(row) > 3 and row[1] == device]
    return sorted(found, key=lambda one: ip_address(one).is_link_local)


def _stop_softly(run: Run, holder: str) -> Iterator[str]:
    """By a reload: the old worker ends kept-alive connections after their next answer. Says why not."""
    try:
        found = vrrp.loaded(run, holder, "haproxy")
        run.call(holder, [server_state.taken("reload", found, found)])
    except RemoteError as error:
        yield f"{error.summary}, so kept-alive connections went on"


def _frontends(run: Run, holder: str) -> dict[int, str]:
    """By port."""
    found = vrrp.loaded(run, holder, "haproxy")
    each = binds(found) if found else ()
    return {port: one.proxy for one in each for port in range(one.first_port, one.last_port + 1)}


def _cut(left: Counter[str]) -> str:
    named = ", ".join(f"{number} of {name}" for name, number in sorted(left.items()))
    return f"{left.total()} connections were still open, and were cut: {named}"
