"""What the steps of one apply share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Barrier

from lbctl.document import Document
from lbctl.errors import CommandError, NodeError, RemoteError
from lbctl.kinds import KINDS, kind
from lbctl.model.change import Action, Change
from lbctl.model.cluster import Cluster, Node
from lbctl.model.command import Clock, Command, Probe, command
from lbctl.model.content import Content, scrubbed
from lbctl.model.effect import Effect, merged
from lbctl.model.event import Event
from lbctl.model.facts import HANDOVER, SERVERS, TOGETHER, Facts
from lbctl.model.kind import Work
from lbctl.model.plan import Plan
from lbctl.model.resource import Address, Resource
from lbctl.planning.instant import taken_at_one_instant
from lbctl.planning.meaning import explained, live_document
from lbctl.planning.threeway import compare
from lbctl.rollout.prober import Prober
from lbctl.transport.protocol import Transport

CONFIRM_WITHIN = 120
"""Seconds: far more than a usual turn takes, and not more than a person at night should have to wait."""
DRAIN_TIMEOUT = 30
"""Seconds: longer than the usual client's timeout, after which HAProxy ends an idle connection."""

NANO = 10**9
AHEAD_SECONDS = 1.5
"""From choosing an instant to it: every node has its script by then, and waits."""
UNDO_SECONDS = 4
"""From the deadline to the instant at which nodes that change together put back: all have seen it by then."""

_BEGIN_SECONDS = 2  # a deadline is looked at every second
_GUARD = "still_armed"  # of the library: refuses what comes after it
_ALIVE = Probe("alive", ":")
_ALIVE_SECONDS = 10

UNITS = "/etc/systemd/system/"
"""Files below it are read by systemd itself, when it is told to."""


def too_late(node: str) -> RemoteError:
    """What is said of a node that acted on its own before lbctl came back to it."""
    return RemoteError(node, "it was not confirmed in time, and has put itself back")


def taken_together(transaction: str) -> bool:
    """Is it one of several nodes at one instant?"""
    return transaction.endswith(TOGETHER)


@dataclass
class Unit:
    """Several nodes that change together. Instants are nanoseconds since the epoch by this machine's clock.

    At `undo_at` all of them put themselves back, unless confirmed. `changes` is what they awaited. `clocks`
    are the nodes' own; `instant` is when they take the change, 0 = not yet chosen; `took` is when they did.
    At `ready` every node waits for all others before it is confirmed; `in_time` = they were it in time.
    """

    nodes: tuple[str, ...]
    undo_at: int
    changes: dict[str, Address]
    clocks: dict[str, Clock] = field(default_factory=dict)
    instant: int = 0
    took: dict[str, int] = field(default_factory=dict)
    ready: Barrier = field(init=False)
    in_time: bool = False

    def __post_init__(self) -> None:
        self.ready = Barrier(len(self.nodes), self._all_ready)

    def _all_ready(self) -> None:
        self.in_time = self.has_time()

    def seconds_left(self) -> int:
        """Until the nodes begin to put themselves back; 0 = they have begun."""
        return max((self.undo_at - time.time_ns()) // NANO - UNDO_SECONDS, 0)

    def has_time(self) -> bool:
        """Will what is begun now on all of them have begun on each before its deadline?"""
        return self.seconds_left() >= _BEGIN_SECONDS

    def on(self, node: str, instant: int) -> str:
        """An instant as the node's own clock will say it."""
        return str(instant + self.clocks[node].ahead)


@dataclass
class Run:
    """One apply under way. `gathered` and `changes` are as the nodes were last read before their turn.

    `drains` are the numbers in the nodes' drain files now, an operator's own too; `stopped` are the nodes
    whose keepalived was stopped to make the VIP leave. A node is `armed` until it is confirmed or undone;
    `under_way` from its swap on, and `done` when it is confirmed, for which it waits `confirm_within`
    seconds. `steps` is what each is in; of one that is `given_up` the connection was lost, and why no new one
    could be had. `awaiting` are, by node, what all nodes take together and have not taken yet; `unit` is
    set while they do. Nodes are `attending` while a VIP moves in another node's turn, with what they have for
    that armed by itself; a node that gives a VIP away has `drain_timeout` seconds for its connections to end.
    Those that are `waiting` have servers drained that go with their own turn, and that armed by itself.
    The `prober` counts what the clients lose meanwhile.
    """

    cluster: Cluster
    cluster_id: str
    plan: Plan
    transport: Transport
    gathered: dict[str, Facts]
    emit: Callable[[Event], None]
    interrupted: Callable[[], int] = lambda: 0
    confirm_within: int = CONFIRM_WITHIN
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    drains: dict[str, int] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    steps: dict[str, str] = field(default_factory=dict)
    armed: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    given_up: dict[str, NodeError] = field(default_factory=dict)
    unit: Unit | None = None
    awaiting: dict[str, Address] = field(default_factory=dict)
    drain_timeout: int = DRAIN_TIMEOUT
    attending: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    prober: Prober | None = None

    def __post_init__(self) -> None:
        for name in self.gathered:
            self.changes[name] = self.plan.of(name)
            self.drains[name] = self.gathered[name].drain
        staying = {name: one for name, one in self.gathered.items() if not self.cluster.retires(name)}
        for change in taken_at_one_instant(staying, self.plan.changes):
            self.awaiting[change.address.node] = change.address

    def node(self, name: str) -> Node:
        return self.cluster.node(name)

    def drain_before(self, name: str) -> int:
        """The number in the node's drain file before its turn: what an operator wants stays."""
        return self.gathered[name].drain

    def held_out(self, name: str) -> bool:
        """Is the node drained by this run, and not by somebody before it?"""
        return self.drains[name] != self.drain_before(name)

    def refresh(self, name: str, facts: Facts) -> None:
        """The node's changes from what is there now. Raises RemoteError for what could not be read of it."""
        found, unknown = compare(self.node(name), facts)
        if unknown:
            raise RemoteError(name, unknown[0].text, mend=unknown[0].mend)
        self.gathered[name] = facts
        self.changes[name] = tuple(explained(change, self.node(name), facts) for change in found)

    def begin(self, name: str) -> None:
        """The node's own turn: what it takes together with the others is none of it."""
        later = self.awaiting.get(name)
        self.changes[name] = tuple(c for c in self.changes[name] if c.address != later)

    def begin_together(self, names: Sequence[str]) -> Unit:
        """The turn of all these nodes at once."""
        self.unit = Unit(
            tuple(names), time.time_ns() + (self.confirm_within + UNDO_SECONDS) * NANO, self.awaiting
        )
        self.under_way.difference_update(names)
        self.awaiting = {}
        return self.unit

    def transaction(self, name: str) -> str:
        """What its undo is armed by now, or will be next."""
        if name in self.attending:
            return self.plan.id + HANDOVER
        return self.plan.id + SERVERS if name in self.waiting else self.own_transaction(name)

    def own_transaction(self, name: str) -> str:
        """What its undo is armed by in its turn: a node may have one of its own, and one with the others."""
        return self.plan.id + (TOGETHER if self.unit and name in self.unit.nodes else "")

    def touching(self, name: str) -> tuple[Change, ...]:
        """The node's changes that touch it, in apply order. That it is retired is a step's own work."""
        ranks = {k.name: number for number, k in enumerate(KINDS)}
        found = [c for c in self.changes[name] if c.action.touches and c.address.kind in ranks]
        return tuple(sorted(found, key=lambda c: ranks[c.address.kind]))

    def works(self, name: str) -> tuple[tuple[Change, Work], ...]:
        return tuple((change, kind(change.address.kind).work(change)) for change in self.touching(name))

    def effects(self, name: str) -> tuple[Effect, ...]:
        return merged(effect for change in self.changes[name] for effect in change.effects)

    def restarts(self, name: str) -> bool:
        """Are the node's daemons begun anew, and nothing else? Then its files and its record stay."""
        found = self.touching(name)
        return bool(found) and all(change.action.begins_anew for change in found)

    def upgrades(self, name: str) -> tuple[Change, ...]:
        """The node's packages that get another version."""
        return tuple(change for change in self.touching(name) if change.action is Action.UPGRADE)

    def live_document(self, name: str, daemon: str) -> Document | None:
        """A daemon's main file as it was when the node was last read before its turn."""
        return live_document(self.gathered[name], daemon)

    def reach(self, name: str) -> None:
        """Raises NodeError when the node does not answer at once: longer commands need not be tried."""
        self.transport.ask(name, [_ALIVE], timeout=_ALIVE_SECONDS)

    def call(self, name: str, commands: Iterable[Command], timeout: float = 60) -> tuple[str, ...]:
        """Run commands on a node; what they said, without secrets.

        While the node is armed they begin only if it still is: one that has put itself back is left alone.
        Its journal gets intent and outcome.
        """
        before, after = self._around(name) if name in self.armed else ((), ())
        wanted = tuple(commands)
        try:
            said = self.transport.run(name, (*before, *wanted, *after), timeout=timeout)
            said = said[len(before) : len(before) + len(wanted)]
        except RemoteError as error:
            if isinstance(error, CommandError) and error.function == _GUARD:
                raise too_late(name) from error
            summary = error.summary.removeprefix(f"{name}: ")
            detail = self.scrub(name, error.detail)
            raise RemoteError(name, summary, detail=detail, mend=error.mend) from error
        return tuple(self.scrub(name, text) for text in said)

    def keep_budget(self, node: str) -> None:
        """Raises RemoteError, as of this node, when requests have failed for longer than they may."""
        said = self.prober.spent() if self.prober else ""
        if said:
            raise RemoteError(node, said, mend="what failed, and in which step, stands above")

    def still_armed(self, name: str, now: Facts) -> None:
        """Raises RemoteError where the node has put itself back: nothing that is awaited of it will come."""
        if name in self.armed and now.armed != self.transaction(name):
            raise too_late(name)

    def not_too_late(self, name: str) -> None:
        """The same asked of the node, for one that something is waited for on. Raises NodeError."""
        try:
            if name in self.armed:
                self.transport.run(name, [command(_GUARD, self.transaction(name))])
        except CommandError as error:
            raise too_late(name) from error

    def _around(self, name: str) -> tuple[tuple[Command, ...], tuple[Command, ...]]:
        begin, done = (command("journal", self.plan.id, self.steps[name], what) for what in ("begin", "done"))
        return (command(_GUARD, self.transaction(name)), begin), (done,)

    def scrub(self, name: str, text: str) -> str:
        """The text without the secrets of the node's files, those of now and those of before."""
        desired: list[Content] = [f.content for f in self.node(name).files]
        found = [r.content for r in self.gathered[name].resources if isinstance(r, Resource)]
        return scrubbed(text, [*desired, *(content for content in found if content is not None)])
