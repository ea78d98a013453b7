"""Nodes in memory behind the Transport protocol; whatever they are not made for is an AssertionError."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from lbctl import haproxy
from lbctl.errors import CommandError, UnreachableError
from lbctl.haproxy.views import binds
from lbctl.keepalived import parse
from lbctl.keepalived.views import instances
from lbctl.model.cluster import Node
from lbctl.model.command import Answer, Answers, Clock, Command, Probe

HAPROXY = "/etc/haproxy/haproxy.cfg"
KEEPALIVED = "/etc/keepalived/keepalived.conf"
FAILED = "Reload failed!"


@dataclass
class State:
    """What an undo puts back. `loaded` are the files as the daemons read them last."""

    files: dict[str, tuple[bytes, str, str]]
    loaded: dict[str, bytes]
    owner: bytes
    active: set[str] = field(default_factory=lambda: {"haproxy", "keepalived"})
    enabled: set[str] = field(default_factory=lambda: {"haproxy", "keepalived"})
    packages: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    drain: int = 0
    drain_record: bytes = b""


@dataclass
class FakeNode:
    """A node, and what of an apply is on it. `generation` stands for HAProxy's worker, `main` for the units'
    main processes."""

    address: str
    state: State
    staged: dict[str, bytes] | None = None
    saved: State | None = None
    generation: int = 1
    main: dict[str, int] = field(default_factory=lambda: {"haproxy": 1, "keepalived": 1})
    armed: str = ""
    transaction: str = ""
    confirmed: str = ""
    messages: str = ""
    journal: str = ""
    deaf: bool = False

    @property
    def priority(self) -> int:
        """As keepalived has it; 0 = it does not run."""
        if "keepalived" not in self.state.active:
            return 0
        return max(1, instances(parse(self.state.loaded[KEEPALIVED]))[0].priority + self.state.drain)


Failing = Callable[[int, str, Command], bool]
"""Does this command fail? Its number over all nodes, its node, itself."""


@dataclass
class FakeTransport:
    """Implements Transport. `calls` are the commands that were run: node and function, in order.

    Of the functions in `lost` it is the answer that fails: they are carried out. Nodes that are `cut` off
    answer nothing until they are connected again, each try of which `connecting` may let fail.
    """

    nodes: dict[str, FakeNode]
    failing: Failing = lambda number, node, command: False
    lost: frozenset[str] = frozenset()
    calls: list[tuple[str, str]] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    stopping: set[str] = field(default_factory=set)
    connecting: Callable[[str], None] = lambda node: None

    def ask(self, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
        self._link(node)
        return {probe.name: self._answer(node, probe) for probe in probes}

    def run(self, node: str, commands: Sequence[Command], *, timeout: float = 60) -> tuple[str, ...]:
        said = []
        for command in commands:
            self._link(node)
            number = len(self.calls)
            self.calls.append((node, command.words[0]))
            if self.failing(number, node, command):
                if command.words[0] in self.lost:
                    self._do(self.nodes[node], command)
                raise CommandError(node, command.words[0], evidence=["as the test wants it"])
            said.append(self._do(self.nodes[node], command) or self._adverts(node, command))
        return tuple(said)

    def lock(self, node: str, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def add(self, node: Node) -> None:
        assert node.name in self.nodes, node.name

    def reconnect(self, node: str) -> None:
        self.connecting(node)
        self.cut.discard(node)

    def _link(self, node: str) -> None:
        if node in self.cut:
            raise UnreachableError(node, "the connection is gone")

    def clock(self, node: str) -> Clock:
        return Clock(0, 0)

    def close(self) -> None:
        return None

    def holder(self) -> str:
        best = max(self.nodes, key=lambda name: self.nodes[name].priority)
        return best if self.nodes[best].priority else ""

    def _answer(self, name: str, probe: Probe) -> Answer:
        node = self.nodes[name]
        if probe.name.startswith("file."):
            return _file(node, probe)
        texts: dict[str, Callable[[], str]] = {
            "os": lambda: "Fake\nboot-1",
            "tools": lambda: "bash\nsocat",
            "addresses": lambda: self._addresses(name),
            "sockets": lambda: "\n".join(_sockets(node)),
            "units": lambda: _daemons(node),
            "owner": lambda: node.state.owner.decode(),
            "lock": str,
            "package": lambda: "".join(f"{one} 1.0 ii\n" for one in sorted(node.state.packages)),
            "armed": lambda: node.armed,
            "undone": str,
            "running": lambda: "stopping" if name in self.stopping else "running",
            "drain": lambda: str(node.state.drain),
            "drained": lambda: node.state.drain_record.decode(),
            "samples": str,
            "stat": str,
            "connections": str,
            "alive": str,
            "master": str,
            "messages.haproxy": lambda: node.messages,
            "messages.keepalived": str,
            "journal": lambda: node.journal,
        }
        if probe.name == "keepalived":
            return Answer(0 if "keepalived" in node.state.active else 3, b"")
        assert probe.name in texts, f"unexpected probe {probe.name}"
        return Answer(0, texts[probe.name]().encode())

    def _addresses(self, name: str) -> str:
        found = [f"2: eth0    inet {self.nodes[name].address}/24 scope global eth0"]
        if self.holder() == name:
            found.append("2: eth0    inet 10.0.0.9/32 scope global eth0")
        return "\n".join(found)

    def _adverts(self, node: str, command: Command) -> str:
        """What a node hears of the holder, unless it is deaf; its own keepalived sends nothing."""
        holder = self.nodes[self.holder()] if self.holder() else None
        if command.words[0] != "hear_adverts" or self.nodes[node].deaf or holder is None:
            return ""
        assert "keepalived" not in self.nodes[node].state.active, "it listens before it starts"
        vrid = instances(parse(holder.state.loaded[KEEPALIVED]))[0].virtual_router_id
        return (
            f"advert eth0 {holder.address} 224.0.0.18 255 21 {vrid:02x} 64 01 00 01 00 00 0a 00 00 09"
            + " 00" * 8
        )

    def _do(self, node: FakeNode, command: Command) -> str:
        function, *words = command.words
        quiet = ("make_base", "keep_original", "drop_server_state", "install_undo", "journal")
        if function.startswith("save_") or function in (
            *quiet,
            "try_connects",
            "last_messages",
            "hear_adverts",
        ):
            return ""
        assert function in _FUNCTIONS, f"unexpected command {command}"
        return _FUNCTIONS[function](node, words, command.stdin or b"") or ""


def _file(node: FakeNode, probe: Probe) -> Answer:
    found = re.match(r"f=(\S+);", probe.script)
    assert found, probe.script
    if found[1] not in node.state.files:
        return Answer(0, b"absent\n")
    data, mode, owner = node.state.files[found[1]]
    head = f"file {mode.lstrip('0')} {owner.replace(':', ' ')}\n"
    return Answer(0, head.encode() + base64.b64encode(data))


def _sockets(node: FakeNode) -> Iterator[str]:
    if "haproxy" in node.state.active:
        for bind in binds(haproxy.parse(node.state.loaded[HAPROXY])):
            users = f'users:(("haproxy",pid={node.generation},fd=5))'
            yield f"LISTEN 0 128 {bind.address}:{bind.first_port} 0.0.0.0:* {users}"


def _daemons(node: FakeNode) -> str:
    return "\n\n".join(
        f"Id={unit}.service\nLoadState=loaded\n"
        f"UnitFileState={'enabled' if unit in node.state.enabled else 'disabled'}\n"
        f"ActiveState={_active_state(node.state, unit)}\n"
        f"MainPID={node.main[unit] if unit in node.state.active else 0}\nStatusText=Ready."
        for unit in ("haproxy", "keepalived")
    )


def _active_state(state: State, unit: str) -> str:
    return "active" if unit in state.active else "failed" if unit in state.failed else "inactive"


def _check(node: FakeNode, words: list[str], stdin: bytes) -> str:
    good = base64.b64encode(b"\n0").decode()
    return "\n".join(f"{when} {daemon} {good}" for when in ("before", "after") for daemon in words)


def _stage(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.staged is not None
    node.staged[words[0]] = stdin


def _swap(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.staged is not None and node.armed, "nothing is swapped that was not staged and armed"
    number, path, mode, owner, group, *_ = words
    node.state.files[path] = (node.staged[number], mode, f"{owner}:{group}")


def _begin(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert not node.armed
    node.saved, node.transaction = copy.deepcopy(node.state), words[0]


def _arm(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.armed, node.transaction = node.transaction, ""


def _undo(node: FakeNode, words: list[str], stdin: bytes) -> None:
    if node.armed:
        assert node.saved is not None
        node.state = copy.deepcopy(node.saved)
        node.generation += 1
    node.armed = node.transaction = ""


def put_back(node: FakeNode) -> None:
    """What the node's own units do when nobody confirms in time."""
    _undo(node, [], b"")


def _take(node: FakeNode, words: list[str], stdin: bytes) -> None:
    unit = words[0]
    if unit in node.state.active:
        path = HAPROXY if unit == "haproxy" else KEEPALIVED
        node.state.loaded[path] = node.state.files[path][0]
        node.generation += 1


def _restart(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.main[words[0]] += 1
    _take(node, words, stdin)


def _still_armed(node: FakeNode, words: list[str], stdin: bytes) -> None:
    if node.armed != words[0]:
        raise CommandError(node.address, "still_armed")


def _take_together(node: FakeNode, words: list[str], stdin: bytes) -> str:
    _take(node, ["keepalived"], stdin)
    return f"took {words[1]}"


def _rearm(node: FakeNode, words: list[str], stdin: bytes) -> str:
    if node.confirmed == words[0]:
        node.armed, node.confirmed = words[0], ""
    return "not yet" if node.armed else ""


def _confirm(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.armed == words[0]
    node.armed, node.confirmed = "", words[0]
    if len(words) == 1:
        node.staged = None


def _is_confirmed(node: FakeNode, words: list[str], stdin: bytes) -> None:
    if node.confirmed != words[0]:
        raise CommandError(node.address, "is_confirmed")


def _start(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.active.add(words[0])
    node.state.loaded[KEEPALIVED] = node.state.files[KEEPALIVED][0]


def _drain(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.drain = int(words[0])


def _record(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.drain_record = stdin


def _owner(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.owner = stdin


def _install(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.packages.update(words)


def _stop(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.active.discard(words[0])


def _enabled(node: FakeNode, words: list[str], stdin: bytes) -> None:
    (node.state.enabled.add if words[1] == "enable" else node.state.enabled.discard)(words[0])


def _set(name: str, value: Callable[[list[str], bytes], object]) -> Callable[..., None]:
    return lambda node, words, stdin: setattr(node, name, value(words, stdin))


_FUNCTIONS: dict[str, Callable[[FakeNode, list[str], bytes], str | None]] = {
    "stage_begin": _set("staged", lambda words, stdin: {}),
    "stage_end": _set("staged", lambda words, stdin: None),
    "stage_file": _stage,
    "check_stage": _check,
    "txn_begin": _begin,
    "arm": _arm,
    "confirm": _confirm,
    "is_confirmed": _is_confirmed,
    "rearm": _rearm,
    "still_armed": _still_armed,
    "undo": _undo,
    "swap_file": _swap,
    "take_reload": _take,
    "take_restart": _restart,
    "start_service": _start,
    "take_together": _take_together,
    "set_drain": _drain,
    "write_drain_record": _record,
    "drop_drain_record": _record,
    "write_owner": _owner,
    "stop_service": _stop,
    "apt_install": _install,
    "set_enabled": _enabled,
    "end_connections": lambda node, words, stdin: "0",
}
