"""One noun of each kind to show, with `word` in every place that text from nodes or files can reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_interface

from lbctl.errors import NodeError, Place, Problem, RemoteError
from lbctl.model.adoption import AdoptedNode, Adoption, Merged, Proposed, Thing, Written
from lbctl.model.change import Action, Change, Difference, Standing
from lbctl.model.cluster import Cluster, Node, Ssh, Vip
from lbctl.model.content import Content
from lbctl.model.effect import Effect, Impact, Scope
from lbctl.model.election import ElectionChange, ElectionTable, NodeState, Outcome, RouterTable, Row, Why
from lbctl.model.event import (
    ConnectionLost,
    Event,
    Gathering,
    NodeGathered,
    NodeUndone,
    Probed,
    Reconnected,
    StepDone,
    StepFailed,
    StepStarted,
    Stopping,
    Unrecorded,
)
from lbctl.model.facts import Daemon, DrainRecord, Facts, LockHolder, ServerState, Undone
from lbctl.model.outage import FailedRequest, Figures, Outage, SilentPort, StepFigures
from lbctl.model.owner import Owner
from lbctl.model.plan import NodeView, Plan, Role, Step, StepName
from lbctl.model.record import KeptRun, Pack, PackedFile, RunRecord
from lbctl.model.report import (
    ApplyReport,
    DrainReport,
    DriftItem,
    DriftReport,
    Exit,
    ForgetReport,
    Held,
    NodeOutcome,
)
from lbctl.model.resource import Address, resource

NODES = ("lb1", "lb2", "lb3")
NOTES = {"lb4": "it is not in the cluster file any more: the next apply retires it"}
PLAN = "20261122-134337-7f3a"
SECRET = "s3cr3t-of-the-stats-page"
RELOAD = Effect("haproxy", Impact.RELOAD)


def plan(word: str = "cinder") -> Plan:
    """Three nodes, a file alike on all, a drifted sysctl on one, a package, everything else once."""
    changes = [_haproxy(node, word) for node in NODES]
    changes += [_file(node, "/etc/lbctl/new", Action.CREATE, word) for node in NODES]
    changes.append(_file("lb2", f"/etc/haproxy/{word}", Action.DELETE, word))
    changes.append(_sysctl("lb2", Standing.DRIFT, "0", "1", "1"))
    changes.append(_sysctl("lb3", Standing.BOTH, word, "1", "0"))
    changes.append(_recorded("lb1"))
    views = (
        NodeView("lb1", Role.MASTER, ("10.15.85.31", "fd00::1"), 3, "f1"),
        NodeView("lb2", Role.BACKUP, (), 3, "f2"),
        NodeView("lb3", Role.BACKUP, (), 0, "f3"),
    )
    problems = (
        Problem(
            f"backend {word} has one server", Place(f"{word}.yaml", 12, 4), f"add {word}", "unsafe", "shrink"
        ),
        Problem(f"{word} is not known", Place("cluster.yaml", 3), level="warning", code="unknown-keyword"),
        Problem(word, level="error"),
    )
    return Plan(
        PLAN,
        "openstack-api",
        "2026-11-22 13:43:37 UTC",
        "d" * 64,
        views,
        tuple(changes),
        steps(word),
        problems,
        election=ElectionChange(election(word, "lb1"), election(word)),
    )


def election(word: str = "cinder", holder: str = "lb2") -> ElectionTable:
    """Two nodes: who takes over from the first, and what a dead HAProxy makes of it."""
    alive, ill, dead = NodeState
    moved = Outcome((("lb2",),), 3.6, back=(("lb1",),))
    stays = Outcome((("lb1",),), 0.0, (Why.NOPREEMPT,), (("lb1",),), ("lb1",))
    ends = {
        (alive, alive): Outcome((("lb1",),), 0.0, back=(("lb1",),)),
        (alive, ill): Outcome((("lb1",),), 0.0, back=(("lb1",),)),
        (alive, dead): Outcome((("lb1",),), 0.0, back=(("lb1",),)),
        (ill, alive): moved if holder == "lb2" else stays,
        (dead, alive): moved,
        (ill, ill): Outcome((("lb1",), ("lb2",)), 5.6, (Why.TIE,), (("lb2",),)),
        (ill, dead): Outcome((("lb1",),), 0.0, back=(("lb1",),)),
        (dead, ill): moved,
        (dead, dead): Outcome(((),), 0.0, (Why.NOBODY,), (("lb1",),)),
    }
    rows = tuple(Row(states, outcome) for states, outcome in ends.items())
    router = RouterTable((word,), (word,), ("10.15.85.31", word), 1.0, (("lb1",),), rows)
    return ElectionTable(("lb1", "lb2"), 2, (router,), (f"lb1: nobody knows whether {word} sees it",))


def steps(word: str) -> tuple[Step, ...]:
    """Staging on all, then each node in turn."""
    made = [
        Step(StepName.STAGE, node, f"write candidates and check them: {word}")
        for node in ("lb3", "lb2", "lb1")
    ]
    for node in ("lb3", "lb2", "lb1"):
        out = StepName.HANDOVER if node == "lb1" else StepName.DRAIN
        made += [
            Step(StepName.ARM, node, "undo by itself after 180 s"),
            Step(out, node, f"{word}: weight -253, wait for its connections to end"),
            Step(StepName.SWAP, node, f"haproxy.cfg, {word}, then reload haproxy"),
            Step(StepName.VERIFY, node, "24 binds, 36 servers, one holder a VIP"),
            Step(StepName.UNDRAIN, node, "back into the election"),
            Step(StepName.CONFIRM, node, "disarm the undo, record serial 4"),
        ]
    return tuple(made)


def events(word: str = "cinder") -> tuple[Event, ...]:
    """One of each, as an apply that fails yields them."""
    walked = steps(word)
    return (
        Gathering(NODES),
        *(NodeGathered(node, 0.2) for node in NODES),
        StepStarted(walked[0], 1, len(walked)),
        StepDone(walked[0], 0.4, f"{word} valid"),
        StepStarted(walked[1], 2, len(walked)),
        Stopping("lb2"),
        StepFailed(walked[1], 61.5, f"{word} is not listening", (f"[ALERT] {word}", "proxy has no server")),
        ConnectionLost("lb2", 300, word),
        Reconnected("lb2", True, 14.2),
        ConnectionLost("lb3", 300, word),
        Reconnected("lb3", False, 300.4, word),
        NodeUndone("lb2", True, word),
        NodeUndone("lb3", False, word),
        Unrecorded(word),
        Probed(240, 3, 0.8),
    )


def report(word: str = "cinder") -> ApplyReport:
    """Stopped half way."""
    nodes = (
        NodeOutcome("lb1", 3, "MASTER", True, "unchanged"),
        NodeOutcome("lb2", 3, "BACKUP", False, "failed"),
        NodeOutcome("lb3", 4, "BACKUP", True, "changed"),
    )
    advice = ("continue:      lbctl apply", f"go back:       lbctl rollback 3 --because '{word}'")
    return ApplyReport(PLAN, Exit.STOPPED, 83.2, nodes, f"Stopped at lb2: {word}.", advice, outage=outage())


def outage() -> Outage:
    """Requests that failed in one step of two; one port that was silent."""
    return Outage(
        Figures(1240, 7, 1, 0.75),
        0.8,
        None,
        0.2,
        10,
        ("lb3", "lb2", "lb3"),
        (
            StepFigures("swap", ("lb2",), Figures(100, 7, 0, 0.75)),
            StepFigures("stage", NODES, Figures(1140, 0, 1, 0.0)),
        ),
        (SilentPort("10.15.85.31:8004", "refused"),),
        (FailedRequest(3.25, "10.15.85.31:5000", "reset"),),
    )


def runs(word: str = "cinder") -> tuple[KeptRun, ...]:
    """One of each outcome that has its own way to be told."""
    ids = [f"20261122-1641{second:02}-{PLAN}" for second in range(5)]
    records = [
        RunRecord(
            one, "apply", "openstack-api", PLAN, f"{word}@desk", "2026-11-22T16:41:00Z", "0.1", "3.11", NODES
        )
        for one in ids
    ]
    return (
        KeptRun(ids[0], records[0], replace(report(word), code=Exit.DONE)),
        KeptRun(ids[1], records[1], report(word)),
        KeptRun(ids[2], records[2], None),
        KeptRun(ids[3], records[3], None, under_way=True),
        KeptRun(ids[4], None, None, unread=True),
    )


def pack(word: str = "cinder") -> Pack:
    """Of a run that was stopped."""
    return Pack(runs(word)[1], f"{word}.tar.gz", (PackedFile(f"nodes/lb2/{word}", 12_345),))


def drift(word: str = "cinder") -> DriftReport:
    """A finding of each kind."""
    moved = (Difference("value", word, "1", "1", Standing.DRIFT),)
    waiting = (Difference("mode", "0644", "0600", "0644", Standing.PENDING),)
    items = (
        DriftItem("lb2", "drift", "lb2/sysctl/net.ipv4.ip_nonlocal_bind", moved),
        DriftItem("lb3", "drift", "lb3/sysctl/net.ipv4.ip_nonlocal_bind", moved),
        DriftItem("lb1", "pending", f"lb1/file/etc/{word}", waiting, word),
        DriftItem("lb2", "drift", "lb2/file/etc/haproxy/haproxy.cfg", _content("lb2")),
        DriftItem("lb3", "unknown", "lb3/file/etc/haproxy/haproxy.cfg", text=word),
        DriftItem("lb1", "unloaded", "lb1/service/haproxy", text="the file is newer than the process"),
        DriftItem("lb1", "note", "lb1", text=f"the VIP is on a lower node: {word}"),
    )
    return DriftReport("openstack-api", items, (_haproxy("lb2", word),))


def cluster() -> Cluster:
    """What the status is of."""
    nodes = tuple(Node(name, f"10.15.85.3{n + 2}", Ssh(name)) for n, name in enumerate(NODES))
    vip = Vip("10.15.85.31", ip_interface("10.15.85.31/24"))
    return Cluster("openstack-api", "cluster.yaml", "d" * 64, nodes, (vip,))


def status(word: str = "cinder") -> Mapping[str, Facts | NodeError]:
    """A holder, a node with everything to note, a node that cannot be read."""
    lost = RemoteError("lb3", f"{word} failed with 1", detail=word, evidence=(word,))
    return {
        "lb1": facts("lb1", frozenset({"10.15.85.31", "10.15.85.32"})),
        "lb2": facts("lb2", frozenset({"10.15.85.33"}), word),
        "lb3": lost,
    }


def facts(node: str, held: frozenset[str], word: str = "") -> Facts:
    """A node; with a word, one on which everything is worth a note."""
    daemons = (
        Daemon("haproxy", True, True, not word, 812, word or "Ready."),
        Daemon("keepalived", True, True, True, 813),
    )
    servers = (
        ServerState("cinder-api", "c1", "UP 1/3"),
        ServerState(word or "nova", "c2", "DOWN" if word else "UP"),
    )
    return Facts(
        node=node,
        os="Debian 12",
        boot_id="b",
        tools=frozenset({"socat"}),
        held=held,
        daemons=daemons,
        listeners=(),
        servers=servers,
        owner=None if word else Owner("openstack-api", "id", 3, "p", key="00"),
        lock=LockHolder(word, word, "2026-11-22 13:40") if word else None,
        armed=word,
        drain=-253 if word else 0,
        connections=0,
        samples=frozenset(),
        resources=(),
        key="",
        drain_record=_record(word) if word else None,
        undone=Undone(word, word, word) if word else None,
    )


def _record(word: str) -> DrainRecord:
    return DrainRecord(word or "root@desk", "2026-11-22T13:40:00Z", "2026-11-22T17:40:00Z", word)


def forgotten(word: str = "") -> ForgetReport:
    """A node that two records name no longer, and one may still."""
    return ForgetReport("lb4", f"10.15.85.35{word}", ("lb1", "lb2"), ("lb3",))


def adopted(word: str = "") -> Adoption:
    """Two nodes that were taken over, one of everything."""
    thing = Thing(f"/etc/haproxy/{word}", ("lb1",), word)
    node = AdoptedNode("lb1", "10.15.85.32", "10.15.85.32", f"Debian {word}")
    files = (Written("cluster.yaml", b""), Written("secrets/auth_pass", SECRET.encode(), private=True))
    problem = Problem(word, Place("haproxy.cfg", 1), word, "warning")
    nodes, things = (node, replace(node, name="lb2")), (thing,)
    return Adoption("openstack-api", nodes, files, things, things, things, things, (problem,))


def merged(word: str = "") -> tuple[Merged, ...]:
    """A file that took a line from two nodes."""
    return (Merged("haproxy.cfg", ("lb1", "lb2"), ("-    maxconn 1", f"+    maxconn {word}")),)


def proposed(word: str = "") -> Proposed:
    """One service, and a frontend that is none."""
    return Proposed(f"haproxy:\n  {word}\n", ("api",), ("lb1", "lb2"), (f"+{word}",), ((word or "f", word),))


def drained(word: str = "") -> DrainReport:
    """A node that was drained; with a word, of one that says it everywhere."""
    vips = (Held("10.15.85.31", ("lb2",)), Held("fd00::1", ()))
    return DrainReport("lb1", True, _record(word), vips, ("lb3",))


def _haproxy(node: str, word: str) -> Change:
    """A file with a secret in its bytes and a digest keyed with the node's own key."""
    address = Address(node, "file", "/etc/haproxy/haproxy.cfg")
    old = Content(f"listen stats\n\tstats auth a:{SECRET}\n".encode(), b"listen stats\n\tstats auth a:***\n")
    new = Content(
        old.data + word.encode(errors="surrogateescape"), old.shown + word.encode(errors="surrogateescape")
    )
    return Change(
        address,
        Action.UPDATE,
        Standing.PENDING,
        _content(node),
        (RELOAD,),
        detail=(
            f"backend cinder-api: + server mesa-virt-04 10.15.85.144:8776 check {word}",
            "backend cinder-api: - server mesa-virt-01 10.15.85.141:8776 check inter 10s",
            f"frontend keystone-vip: ~ bind {word} → bind 10.15.85.31:5000",
        ),
        note=f"2 of 3 servers stay, {word}",
        desired=resource(address, {}, new),
        live=resource(address, {}, old),
    )


def _content(node: str) -> tuple[Difference, ...]:
    return (Difference("content", f"hmac:{node}1", f"hmac:{node}2", f"hmac:{node}1", Standing.PENDING),)


def _file(node: str, path: str, action: Action, word: str) -> Change:
    made = action is Action.CREATE
    values: tuple[tuple[str, str, str | None], ...] = (
        ("content", "", "shown:0123456789abcdef"),
        ("mode", "", "0600"),
    )
    differences = tuple(
        Difference(name, None if made else value, value if made else None, None, Standing.PENDING)
        for name, _, value in values
    )
    return Change(
        Address(node, "file", path), action, Standing.PENDING, differences, note="" if made else word
    )


def _sysctl(node: str, standing: Standing, before: str, after: str, applied: str) -> Change:
    address = Address(node, "sysctl", "net.ipv4.ip_nonlocal_bind")
    difference = Difference("value", before, after, applied, standing)
    restart = Effect("keepalived", Impact.RESTART)
    return Change(address, Action.UPDATE, standing, (difference,), (restart,), scope=Scope.CLUSTER)


def _recorded(node: str) -> Change:
    difference = Difference("active", True, True, None, Standing.RECORDED)
    return Change(Address(node, "service", "haproxy"), Action.RECORD, Standing.RECORDED, (difference,))
