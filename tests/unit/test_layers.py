"""Drift on all layers, of nodes in memory: what is said of what they answer, and when nothing is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from lbctl.errors import RemoteError
from lbctl.host import layers as host
from lbctl.model.cluster import Cluster, ManagedFile, Node, Ssh
from lbctl.model.command import Answer, Answers, Probe
from lbctl.model.content import plain
from lbctl.model.layers import InForce, SetByHand
from lbctl.model.report import DriftItem, DriftReport
from lbctl.planning.layers.differing import odd
from lbctl.workflows.drift import drift
from tests.unit.fake_node import HAPROXY, KEEPALIVED, FakeNode
from tests.unit.fake_transport import NOTHING_KEPT, FakeTransport
from tests.unit.test_planning import changed_vrrp
from tests.unit.test_retire import recorded, without
from tests.unit.test_rollout_walk import PROXY, applied, cluster

SOCKET = "global\n  stats socket /run/haproxy/admin.sock level admin\n"
ASKED = SOCKET + PROXY
NAMES = ("lb1", "lb2", "lb3")

# what HAProxy 2.6 said of a server in each of these states, after the node's awk
STATES = {
    "set server b/a state maint": "b a 1 1 1",
    "set server b/a state drain": "b a 8 1 1",
    "set server b/a weight 50%": "b a 0 50 100",
}


def found(of: Cluster, transport: FakeTransport) -> DriftReport:
    return drift(of, NOTHING_KEPT, transport, lambda event: None)


def said(report: DriftReport) -> list[tuple[str, str]]:
    return [(item.what, item.address) for item in report.items]


def line(how: str, written: float, noted: str, path: str = HAPROXY, unit: str = "haproxy") -> str:
    return f"{unit} {how} 1000.500 {written:.3f} {noted} {path}\n"


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> FakeTransport:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return applied(cluster(ASKED))


@pytest.fixture
def lb1(transport: FakeTransport) -> FakeNode:
    return transport.nodes["lb1"]


def other(node: FakeNode, old: bytes, new: bytes, path: str = HAPROXY) -> None:
    """Somebody edits a file."""
    data, mode, owner = node.state.files[path]
    assert old in data
    node.state.files[path] = data.replace(old, new), mode, owner


GROUPED = (
    b"vrrp_sync_group g {\n  group {\n    v\n    w\n  }\n}\n"
    b"vrrp_instance w {\n  interface eth0\n  virtual_router_id 48\n  priority 90\n"
    b"  virtual_ipaddress {\n    10.0.0.8\n  }\n}\nvrrp_instance v {"
)
"""A second instance, with which no node is better than another one."""


class TestUnloaded:
    def test_nothing_is_said_of_a_healthy_cluster(self, transport: FakeTransport) -> None:
        for node in transport.nodes.values():
            node.loaded = line("reload", 999, "none") + line("reload", 1100, "same", KEEPALIVED, "keepalived")
        assert found(cluster(ASKED), transport) == DriftReport("c", ())

    @pytest.mark.parametrize("noted", ["same", "none"])
    def test_a_file_that_was_touched_is_no_drift(
        self, transport: FakeTransport, lb1: FakeNode, noted: str
    ) -> None:
        lb1.loaded = line("reload", 1100, noted)
        assert said(found(cluster(ASKED), transport)) == []

    def test_the_record_and_the_file_agree_and_the_process_has_another(
        self, transport: FakeTransport, lb1: FakeNode
    ) -> None:
        lb1.loaded = line("reload", 1100, "other")
        report = found(cluster(ASKED), transport)
        assert said(report) == [("unloaded", f"lb1/file{HAPROXY}")]
        assert int(report.code) == 2
        assert report.items[0].text == (
            "haproxy does not run with it as it is since 1970-01-01 00:18:20Z; "
            "systemctl reload haproxy loads it"
        )

    @pytest.mark.parametrize(("written", "what"), [(1000.4, []), (1000.6, ["unloaded"])])
    def test_an_edit_after_the_process_began(
        self, transport: FakeTransport, lb1: FakeNode, written: float, what: list[str]
    ) -> None:
        other(lb1, b"10.0.0.21", b"10.0.0.31")
        lb1.loaded = line("reload", written, "none")
        report = found(cluster(ASKED), transport)
        assert [item.what for item in report.items] == ["drift", *what, "differs"]

    def test_what_lbctl_took_up_as_it_was_is_unknown(self, transport: FakeTransport, lb1: FakeNode) -> None:
        lb1.loaded = line("reload", 1100, "unknown")
        report = found(cluster(ASKED), transport)
        assert said(report) == [("unknown", f"lb1/file{HAPROXY}")] and int(report.code) == 4

    def test_what_lbctl_has_never_applied_is_unknown(self, transport: FakeTransport, lb1: FakeNode) -> None:
        lb1.loaded = line("reload", 1100, "none")
        lb1.state.owner = b"none"
        what = [item.what for item in found(cluster(ASKED), transport).items]
        assert "unknown" in what and "unloaded" not in what

    @pytest.mark.parametrize("how", ["unit", "program"])
    def test_what_systemd_and_the_process_say_themselves(
        self, transport: FakeTransport, lb1: FakeNode, how: str
    ) -> None:
        lb1.loaded = line(how, 0, "none", "/usr/sbin/haproxy")
        assert said(found(cluster(ASKED), transport)) == [("unloaded", "lb1/service/haproxy")]

    def test_nothing_while_an_undo_is_armed(self, transport: FakeTransport, lb1: FakeNode) -> None:
        lb1.loaded, lb1.armed = line("reload", 1100, "other"), "p"
        assert said(found(cluster(ASKED), transport)) == []

    def test_haproxy_runs_with_other_servers(self, transport: FakeTransport, lb1: FakeNode) -> None:
        """Edited, loaded, put back: the times, and what is on disk, say nothing."""
        lb1.loaded = line("reload", 1100, "none")
        lb1.state.loaded[HAPROXY] = lb1.state.loaded[HAPROXY].replace(b"server a ", b"server x ")
        (item,) = found(cluster(ASKED), transport).items
        assert (item.what, item.address) == ("unloaded", f"lb1/file{HAPROXY}")
        assert "without b/a, which the file has, and with b/x, which the file has not" in item.text

    def test_servers_that_were_added_at_run_time(self, transport: FakeTransport, lb1: FakeNode) -> None:
        lb1.loaded = line("reload", 1100, "same")
        lb1.state.loaded[HAPROXY] += b"  server x 10.0.0.41:80\n"
        lb1.set_by_hand = "b x 1 1 1\n"  # as each one is added
        report = found(cluster(ASKED), transport)
        assert said(report) == [("operational", f"lb1/file{HAPROXY}")] and int(report.code) == 0

    @pytest.mark.parametrize("words", ["  server-template t 2 10.0.0.9:1\n", ".if 1\n.endif\n"])
    def test_what_a_file_makes_of_itself_is_not_reckoned(self, words: str, transport: FakeTransport) -> None:
        text = ASKED + words
        transport = applied(cluster(text))
        transport.nodes["lb1"].state.loaded[HAPROXY] = text.encode() + b"  server t1 10.0.0.9:1\n"
        assert said(found(cluster(text), transport)) == []


class TestSysctlFiles:
    PATH = "/etc/sysctl.d/70-own.conf"

    def node(self) -> Node:
        data = b"# a comment\nnet.ipv4.ip_forward = 1\n-net.core.somaxconn=4096\n"
        return Node("lb1", "10.0.0.1", Ssh("lb1"), files=(ManagedFile(self.PATH, plain(data)),))

    def test_what_is_not_in_force(self) -> None:
        asked = {probe.name: probe.script for probe in host.probes(self.node(), None)}
        assert asked["force.live"].startswith("cat /proc/sys/net/ipv4/ip_forward 2>/dev/null || echo; ")
        boot = f"# {self.PATH}\nnet.ipv4.ip_forward = 1\n-net.core.somaxconn=4096\n"
        answers = {"force.live": Answer(0, b"0\n4096\n"), "force.boot": Answer(0, boot.encode())}
        assert host.layers(self.node(), answers).sysctls == (
            InForce(self.PATH, "net.ipv4.ip_forward", "1", "0"),
            InForce(self.PATH, "net.core.somaxconn", "4096", "4096"),
        )


class TestDiffering:
    def test_versions(self, transport: FakeTransport, lb1: FakeNode) -> None:
        for node in transport.nodes.values():
            node.state.versions = {"haproxy": "2.6-1", "keepalived": "1:2.2-1"}
        assert said(found(cluster(ASKED), transport)) == []
        lb1.state.versions["haproxy"] = "2.6-2"
        report = found(cluster(ASKED), transport)
        assert said(report) == [("differs", "lb1/package/haproxy")] and int(report.code) == 0
        assert report.items[0].text == "2.6-2, and 2.6-1 on lb2, lb3"

    def test_a_file_that_was_changed_here_alone(self, transport: FakeTransport, lb1: FakeNode) -> None:
        other(lb1, b"10.0.0.21:80", b"10.0.0.31:80")
        (item,) = (item for item in found(cluster(ASKED), transport).items if item.what == "differs")
        assert item.address == f"lb1/file{HAPROXY}"
        assert item.text == (
            "not as on lb2, lb3:\nbackend b: ~ server a 10.0.0.21:80 -> server a 10.0.0.31:80"
        )

    def test_what_the_cluster_file_makes_differ_is_none(self, transport: FakeTransport) -> None:
        for node in transport.nodes.values():  # priorities are the nodes' own
            other(node, b"advert_int 1", b"advert_int 2", KEEPALIVED)
        assert not [item for item in found(cluster(ASKED), transport).items if item.what == "differs"]

    def test_one_that_stays_behind_the_others(self, transport: FakeTransport) -> None:
        for name in ("lb2", "lb3"):
            other(transport.nodes[name], b"10.0.0.21:80", b"10.0.0.31:80")
        (item,) = (item for item in found(cluster(ASKED), transport).items if item.what == "differs")
        assert item.address.startswith("lb1/") and "not here: backend b: ~ " in item.text

    def test_the_first_of_two_counts(self) -> None:
        assert odd({"lb1": "a", "lb2": "b"}) == {"lb2": ("lb1",)}
        assert odd({"lb1": "a", "lb2": "b", "lb3": "b"}) == {"lb1": ("lb2", "lb3")}
        assert odd({}) == odd({"lb1": "a", "lb2": "a"}) == {}


class TestByHand:
    @pytest.mark.parametrize("command", STATES)
    def test_on_all_nodes(self, transport: FakeTransport, command: str) -> None:
        for node in transport.nodes.values():
            node.set_by_hand = STATES[command] + "\n"
        report = found(cluster(ASKED), transport)
        assert said(report) == [("operational", f"{name}/server/a") for name in NAMES]
        assert int(report.code) == 0 and "set at run time: b/a" in report.items[0].text

    def test_on_one_node_alone(self, transport: FakeTransport, lb1: FakeNode) -> None:
        lb1.set_by_hand = "b a 1 1 1\n"
        (item,) = found(cluster(ASKED), transport).items
        assert (item.what, item.text) == ("differs", "MAINT, set at run time: b/a; not so on lb2, lb3")

    @pytest.mark.parametrize(
        ("line", "said_by_haproxy"),
        [
            ("  server a 10.0.0.21:80 disabled\n", "b a 5 1 1"),
            ("  server a 10.0.0.21:80 agent-check agent-port 1\n", "b a 0 50 100"),
            ("  default-server agent-check agent-port 1\n  server a 10.0.0.21:80\n", "b a 0 50 100"),
        ],
    )
    def test_what_the_file_and_its_agents_do_is_nobodys_hand(self, line: str, said_by_haproxy: str) -> None:
        text = ASKED.replace("  server a 10.0.0.21:80\n", line)
        transport = applied(cluster(text))
        for node in transport.nodes.values():
            node.set_by_hand = said_by_haproxy + "\n"
        assert said(found(cluster(text), transport)) == []

    def test_what_an_apply_drains_is_nobodys_hand(self, transport: FakeTransport) -> None:
        for node in transport.nodes.values():
            node.set_by_hand, node.armed = "b a 8 1 1\n", "p-servers"
        assert not [item for item in found(cluster(ASKED), transport).items if item.what != "unknown"]

    def test_the_bits_of_haproxy(self) -> None:
        answers = {"set": Answer(0, b"b a 9 1 1\nb c 0 0 1\n")}
        assert host.layers(Node("lb1", "10.0.0.1", Ssh("lb1")), answers).servers == (
            SetByHand("b", "a", True, True, 1, 1),
            SetByHand("b", "c", False, False, 0, 1),
        )


Addresses = Callable[[str], list[str]]


class TestHolders:
    def held_by(self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch, *looks: str) -> None:
        """Each time that the nodes are read, those that hold the VIP."""
        left = {name: list(looks) for name in NAMES}

        def addresses(name: str) -> str:
            own = f"2: eth0 inet {transport.nodes[name].address}/24 scope global eth0\n"
            has = name in left[name].pop(0).split()
            return own + "2: eth0 inet 10.0.0.9/32 scope global eth0\n" * has

        monkeypatch.setattr(transport, "_addresses", addresses)

    def holders(self, report: DriftReport) -> list[DriftItem]:
        return [item for item in report.items if item.what in ("holders", "operational")]

    def test_two(self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held_by(transport, monkeypatch, "lb1 lb3", "lb1 lb3")
        report = found(cluster(ASKED), transport)
        assert said(report) == [("holders", "lb1/vip/10.0.0.9"), ("holders", "lb3/vip/10.0.0.9")]
        assert {item.text for item in report.items} == {"2 nodes hold it: lb1, lb3"}
        assert int(report.code) == 2

    @pytest.mark.parametrize("looks", [("lb1 lb3", "lb1"), ("", "lb1"), ("lb1 lb2", "")])
    def test_a_vip_on_its_way_is_none(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch, looks: tuple[str, str]
    ) -> None:
        self.held_by(transport, monkeypatch, *looks)
        assert self.holders(found(cluster(ASKED), transport)) == []

    def test_none(self, transport: FakeTransport) -> None:
        for node in transport.nodes.values():
            node.state.active.discard("keepalived")
        texts = {item.text for item in self.holders(found(cluster(ASKED), transport))}
        assert texts == {"no node holds it: keepalived runs on none"}

    @pytest.mark.parametrize("how", ["excluded", "unread"])
    def test_none_of_those_that_can_be_read_says_nothing(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        of, ask = cluster(ASKED), transport.ask

        def cut(node: str, probes: list[Probe]) -> Answers:
            if node == "lb1":
                raise RemoteError(node, "no connection")
            return ask(node, probes)

        if how == "excluded":
            of = of.without(["lb1"])
        else:
            monkeypatch.setattr(transport, "ask", cut)
        assert self.holders(found(of, transport)) == []

    def test_a_node_that_leaves_may_hold_it_still(self, monkeypatch: pytest.MonkeyPatch) -> None:
        transport = recorded(cluster(ASKED))
        assert self.holders(found(without(cluster(ASKED), "lb1"), transport)) == []
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        self.held_by(transport, monkeypatch, "lb1 lb2", "lb1 lb2")
        two = self.holders(found(without(cluster(ASKED), "lb1"), transport))
        assert {item.text for item in two} == {"2 nodes hold it: lb2, lb1"}

    def test_left_behind(self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        transport.nodes["lb1"].state.active.discard("keepalived")
        self.held_by(transport, monkeypatch, "lb1 lb2", "lb1 lb2")
        one, two = self.holders(found(cluster(ASKED), transport))[:2]
        assert (one.node, two.node) == ("lb1", "lb2")
        assert one.text.startswith(two.text) and "left it behind" in one.text

    def test_a_lower_node_and_why(self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held_by(transport, monkeypatch, "lb3", "lb3")
        transport.nodes["lb1"].state.drain = -253
        transport.nodes["lb2"].state.active.discard("haproxy")
        report = found(cluster(ASKED), transport)
        (item,) = self.holders(report)
        assert (item.what, item.address) == ("operational", "lb3/vip/10.0.0.9")
        assert item.text == (
            "it is here, where the priority is 100, because lb1 (102) is drained; "
            "lb2 (101) does not run haproxy"
        )
        assert int(report.code) == 0

    def test_one_that_does_not_take_it(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.held_by(transport, monkeypatch, "lb2", "lb2")
        (item,) = self.holders(found(cluster(ASKED), transport))
        assert "lb1 (102) does not take it, and nobody knows why" in item.text
        self.held_by(transport, monkeypatch, "lb2", "lb1")
        assert self.holders(found(cluster(ASKED), transport)) == [], "it was on its way"

    def test_where_the_file_wants_it_to_stay_nothing_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        of = changed_vrrp(cluster(ASKED), b"  advert_int 1\n", b"  advert_int 1\n  nopreempt\n")
        transport = applied(of)
        self.held_by(transport, monkeypatch, "lb2", "lb2")
        assert self.holders(found(of, transport)) == []
        transport.nodes["lb2"].state.drain = -253
        self.held_by(transport, monkeypatch, "lb3", "lb3")
        (item,) = self.holders(found(of, transport))
        assert item.text.endswith("lb1 (102) does not preempt (nopreempt); lb2 (101) is drained")

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (
                b"  advert_int 1\n",
                b"  advert_int 1\n  preempt_delay 300\n",
                "lb1 (102) takes it 300 s after it is back (preempt_delay)",
            ),
            (
                b"vrrp_instance v {",
                GROUPED,
                "lb1 (102) is not better in every instance of sync group g, and takes all or none",
            ),
        ],
    )
    def test_where_vrrp_itself_keeps_it_there_it_is_said(
        self, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes, why: str
    ) -> None:
        of = changed_vrrp(cluster(ASKED), old, new)
        transport = applied(of)
        self.held_by(transport, monkeypatch, "lb2", "lb2")
        assert [item.text.partition("because ")[2] for item in self.holders(found(of, transport))] == [why]

    def test_a_node_that_is_left_out_may_be_the_better_one(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.held_by(transport, monkeypatch, "lb2", "lb2")
        (item,) = self.holders(found(cluster(ASKED).without(["lb1"]), transport))
        assert item.text.endswith("lb1 (102) is left out")


def test_another_system_is_worth_knowing(transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = transport.ask
    systems = {"lb1": "Debian GNU/Linux 11 (bullseye)", "lb2": "Debian GNU/Linux 12 (bookworm)"}

    def asked(node: str, probes: list[Probe]) -> Answers:
        os = systems.get(node, systems["lb2"])
        return {**ask(node, probes), "os": Answer(0, f"{os}\nboot\n".encode())}

    monkeypatch.setattr(transport, "ask", asked)
    (item,) = found(cluster(ASKED), transport).items
    assert (item.what, item.node) == ("note", "lb1")
    assert item.text == "it runs Debian GNU/Linux 11, and lb2, lb3 Debian GNU/Linux 12"
