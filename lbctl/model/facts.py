"""What gather found on a node, beside the kinds' resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbctl.model.layers import Layers
from lbctl.model.owner import Owner
from lbctl.model.resource import Address, Resource, Unknown


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket: address as ss prints it ("*", "0.0.0.0", "[::]", …), port, holders' pids."""

    address: str
    port: int
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Daemon:
    """A unit as systemd sees it. `status` is its own status text ("Ready.", "Reload failed!").

    `failed` = systemd has given it up: it does not come back by itself. `open_files` is the unit's limit
    (LimitNOFILE=), 0 = none or not known.
    """

    unit: str
    loaded: bool
    enabled: bool
    active: bool
    main_pid: int
    status: str = ""
    failed: bool = False
    open_files: int = 0


@dataclass(frozen=True)
class ServerState:
    """A server in `show stat`; status is HAProxy's: "UP", "DOWN", "MAINT", "DRAIN", "no check", …

    `sessions` are those that it has or that wait for it.
    """

    backend: str
    server: str
    status: str
    sessions: int = 0

    @property
    def up(self) -> bool:
        return self.status.startswith(("UP", "no check"))


@dataclass(frozen=True)
class LockHolder:
    who: str
    what: str
    since: str


@dataclass(frozen=True)
class DrainRecord:
    """Who wants a node out of the election, since when and until when (UTC, ISO 8601), and why.

    `until` is "" in a record that cannot be read: it has passed.
    """

    who: str
    since: str
    until: str
    reason: str = ""

    def expired(self, now: str) -> bool:
        """Has its time passed? `now` in UTC, ISO 8601. Nothing happens then but that drift says so."""
        return self.until <= now


TOGETHER = "-together"
"""What a transaction's id has after its plan's, where it is of several nodes at one instant."""
HANDOVER = "-handover"
"""And where it is a node's part in another one's handover."""
SERVERS = "-servers"
"""And where servers are drained on it that go with its own turn, which is still to come."""


def plan_of(transaction: str) -> str:
    return transaction.removesuffix(TOGETHER).removesuffix(HANDOVER).removesuffix(SERVERS)


@dataclass(frozen=True)
class Undone:
    """The node's last change was put back. `how`: wait = by itself at its deadline, boot = when it booted,
    now = by lbctl or by hand.
    """

    when: str
    plan: str
    how: str


@dataclass(frozen=True)
class Facts:
    """One node, as it was gathered at one moment.

    `held` are the addresses (without prefix) on any interface but lo, and `networks` what it is in by
    them. `servers` is None when HAProxy's stats socket could not be asked. `armed` is the id of a
    transaction that was neither confirmed nor undone. `drain` is the number in its drain file, and
    `drain_record` who wants that, if it was an operator. So many `connections` to the cluster's VIPs are
    open here, and so many of its `own_clients`, which run on the node itself, have open. `key` (hex) makes
    this node's digests: its own, or, before its first apply, one of this run alone; "" where secrets were
    not resolved. `layers` is what drift alone asks; None = nobody asked. `loads` are the files that HAProxy
    is started with, as far as known. `claimed` are the interfaces of which another daemon takes away
    addresses that it has not set, each with that daemon.
    """

    node: str
    os: str
    boot_id: str
    tools: frozenset[str]
    held: frozenset[str]
    daemons: tuple[Daemon, ...]
    listeners: tuple[Listener, ...]
    servers: tuple[ServerState, ...] | None
    owner: Owner | None
    lock: LockHolder | None
    armed: str
    drain: int
    connections: int
    samples: frozenset[str]
    resources: tuple[Resource | Unknown, ...]
    key: str = field(repr=False)
    drain_record: DrainRecord | None = None
    undone: Undone | None = None
    networks: frozenset[str] = frozenset()
    own_clients: int = 0
    layers: Layers | None = None
    loads: frozenset[str] = frozenset()
    claimed: Mapping[str, str] = field(default_factory=dict)

    @property
    def cut_off(self) -> str:
        """The plan whose apply was cut off in the middle of this node, or ""."""
        return plan_of(self.armed)

    def daemon(self, unit: str) -> Daemon | None:
        return next((d for d in self.daemons if d.unit == unit), None)

    def active(self, unit: str) -> bool:
        daemon = self.daemon(unit)
        return daemon is not None and daemon.active

    def live(self, address: Address) -> Resource | Unknown | None:
        for found in self.resources:
            if found.address == address:
                return found
        return None
