"""Nodes in memory: what they say, what commands do. Whatever they are not made for is an AssertionError."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lbctl import haproxy
from lbctl.errors import CommandError
from lbctl.haproxy.views import binds, servers
from lbctl.keepalived import parse
from lbctl.keepalived.views import instances
from lbctl.model.command import Answer, Command, Probe
from lbctl.model.facts import SERVERS

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
    versions: dict[str, str] = field(default_factory=dict)
    drain: int = 0
    drain_record: bytes = b""
    table: bytes = b""
    lo: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()


@dataclass
class FakeNode:
    """A node, and what of an apply is on it. `generation` stands for HAProxy's worker, `main` for the units'
    main processes. apt has a candidate for each of `candidates`, and no source has what is installed of those
    that are `lacking`."""

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
    tools: str = "bash\nsocat"
    open: str = ""
    sessions: Callable[[str], int] = lambda server: 0
    down: tuple[str, ...] = ()
    silent: bool = False
    candidates: dict[str, str] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    loaded: str = ""
    set_by_hand: str = ""

    @property
    def priority(self) -> int:
        """As keepalived has it; 0 = it does not run."""
        if "keepalived" not in self.state.active:
            return 0
        return max(1, instances(parse(self.state.loaded[KEEPALIVED]))[0].priority + self.state.drain)


def answer(node: FakeNode, probe: Probe) -> Answer:
    """What it says of itself."""
    if probe.name.startswith("file."):
        return _file(node, probe)
    texts: dict[str, Callable[[], str]] = {
        "os": lambda: "Fake\nboot-1",
        "tools": lambda: node.tools,
        "open": lambda: node.open,
        "sockets": lambda: "\n".join(_sockets(node)),
        "units": lambda: _daemons(node),
        "owner": lambda: node.state.owner.decode(),
        "lock": str,
        "package": lambda: "".join(_installed(node)),
        "policy": lambda: "".join(_policy(node)),
        "held": lambda: "\n".join(sorted(node.held)),
        "archives": str,
        "along": lambda: "".join(f"{name}:\n" for name in node.candidates),
        "armed": lambda: node.armed,
        "undone": str,
        "drain": lambda: str(node.state.drain),
        "drained": lambda: node.state.drain_record.decode(),
        "samples": str,
        "stat": lambda: "\n".join(_stat(node)),
        "connections": str,
        "alive": str,
        "master": str,
        "loads": lambda: HAPROXY,
        "claimed": str,
        "messages.haproxy": lambda: node.messages,
        "messages.keepalived": str,
        "journal": lambda: node.journal,
        "loaded": lambda: node.loaded,
        "set": lambda: node.set_by_hand,
        "versions": lambda: "".join(_installed(node)),
    }
    if probe.name == "stat" and node.silent:
        return Answer(3, b"")
    if probe.name == "keepalived":
        return Answer(0 if "keepalived" in node.state.active else 3, b"")
    assert probe.name in texts, f"unexpected probe {probe.name}"
    return Answer(0, texts[probe.name]().encode())


def do(node: FakeNode, command: Command) -> str:
    """Carry a command out; what it says."""
    function, *words = command.words
    quiet = ("make_base", "keep_original", "install_undo", "journal", "note_loaded")
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


def _stat(node: FakeNode) -> Iterator[str]:
    yield "# pxname,svname,qcur,scur,status,"
    for one in servers(haproxy.parse(node.state.loaded[HAPROXY])):
        name = f"{one.proxy}/{one.name}"
        status = "DOWN" if name in node.down else "DRAIN" if name in node.state.drained else "UP"
        yield f"{one.proxy},{one.name},,{node.sessions(name)},{status},"


def _active_state(state: State, unit: str) -> str:
    return "active" if unit in state.active else "failed" if unit in state.failed else "inactive"


def _installed(node: FakeNode) -> Iterator[str]:
    for name in sorted({*node.state.packages, *node.state.versions}):
        yield f"{name} {node.state.versions.get(name, '1.0')} ii\n"


def _policy(node: FakeNode) -> Iterator[str]:
    """apt-cache's words for what it knows."""
    for name, candidate in node.candidates.items():
        version = node.state.versions.get(name, "(none)")
        yield f"{name}:\n  Installed: {version}\n  Candidate: {candidate or '(none)'}\n  Version table:\n"
        source = "" if name in node.lacking else "        500 http://deb bookworm/main amd64 Packages\n"
        yield f" *** {version} 100\n{source}        100 /var/lib/dpkg/status\n"


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
    former = words[1:]
    assert node.armed == "".join(former)
    was = node.saved
    node.saved, node.transaction = copy.deepcopy(node.state), words[0]
    if former:
        assert was is not None
        node.saved.drained = was.drained


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
        if unit == "haproxy":
            node.state.drained = ()


def _restart(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.main[words[0]] += 1
    _take(node, words, stdin)


def _take_with_servers(node: FakeNode, words: list[str], stdin: bytes) -> None:
    known = tuple(name for name in node.state.drained if name not in words[3:])
    (_take if words[0] == "reload" else _restart)(node, ["haproxy"], stdin)
    node.state.drained = known


def _drain_servers(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.armed.endswith(SERVERS), "nothing is drained that is not armed"
    node.state.drained = tuple(words[1:])


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


def _stage_package(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.staged is not None and not node.armed
    node.staged[words[0]] = words[1].encode()


def _upgrade(node: FakeNode, words: list[str], stdin: bytes) -> None:
    """What is fetched is installed, and the daemons go on as they are."""
    for name, _, version in (word.partition("=") for word in words):
        assert node.armed and node.staged is not None and node.staged[name] == version.encode()
        node.state.versions[name] = version


def _stop(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.active.discard(words[0])


def _enabled(node: FakeNode, words: list[str], stdin: bytes) -> None:
    (node.state.enabled.add if words[1] == "enable" else node.state.enabled.discard)(words[0])


def _send_on(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.armed and words == ["ip"]
    node.state.table = stdin if b"chain" in stdin else b""


def _answer_on_lo(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.armed
    node.state.lo = tuple(words[1:])


def _end_handover(node: FakeNode, words: list[str], stdin: bytes) -> None:
    node.state.table, node.state.lo = b"", ()


def _disarm(node: FakeNode, words: list[str], stdin: bytes) -> None:
    assert node.armed in ("", words[0]) and (node.state.table, node.state.lo) == (b"", ())
    node.armed = node.transaction = ""


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
    "drain_servers": _drain_servers,
    "note_part": lambda node, words, stdin: None,
    "take_with_servers": _take_with_servers,
    "start_service": _start,
    "take_together": _take_together,
    "set_drain": _drain,
    "write_drain_record": _record,
    "drop_drain_record": _record,
    "write_owner": _owner,
    "stop_service": _stop,
    "apt_install": _install,
    "apt_update": lambda node, words, stdin: "",
    "apt_upgrade": _upgrade,
    "stage_package": _stage_package,
    "set_enabled": _enabled,
    "send_on": _send_on,
    "answer_on_lo": _answer_on_lo,
    "end_handover": _end_handover,
    "disarm": _disarm,
    "end_connections": lambda node, words, stdin: "0",
}
