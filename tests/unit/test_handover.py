"""The text of a handover's tables, what stands in its way, and what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from lbctl.gather import gather_node
from lbctl.host.facts import connections
from lbctl.host.handover import Sent, open_ports, open_probe, rules
from lbctl.model.command import Answer, Command
from lbctl.model.content import plain
from lbctl.model.effect import Impact
from lbctl.model.event import StepDone
from lbctl.model.facts import Facts
from lbctl.model.resource import Resource, resource
from lbctl.planning.handover import LOSSLESS, costs, manner, obstacles
from lbctl.planning.order import way_out
from lbctl.rollout import handover
from lbctl.rollout.walk import Walked, walk
from tests.unit.fake_node import HAPROXY, KEEPALIVED
from tests.unit.test_rollout_walk import PROXY, VRRP, Scene, applied, cluster

BOTH = """\
table ip lbctl_handover {}
delete table ip lbctl_handover
table ip lbctl_handover {
  set mine { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic; size 1000000; }
  chain from0 {
    iif "lo" return
    icmp type destination-unreachable dup to 10.0.0.1 device "eth0" return
    meta l4proto != tcp return
    tcp flags & (fin|syn|rst|ack) == syn add @mine { ip saddr . tcp sport . ip daddr . tcp dport } return
    ip saddr . tcp sport . ip daddr . tcp dport @mine return
    dup to 10.0.0.1 device "eth0"
    drop
  }
  chain pre {
    type filter hook prerouting priority -310; policy accept;
    ip daddr { 10.0.0.8, 10.0.0.9 } jump from0
  }
}
table ip6 lbctl_handover {}
delete table ip6 lbctl_handover
"""
IDLE = "option idle-close-on-response"
SS = """\
ESTAB      0 0      10.0.0.9:80   10.0.0.99:51000
FIN-WAIT-1 0 1      10.0.0.9:80   10.0.0.99:51001
CLOSE-WAIT 1 0 [fd00:20::5]:5000 [fd00::99]:51002
"""


class TestRules:
    def test_one_holder(self) -> None:
        assert rules(["ip", "ip6"], [Sent(("10.0.0.8", "10.0.0.9"), "10.0.0.1", "eth0")]) == BOTH

    def test_each_holder_and_family_gets_its_own(self) -> None:
        text = rules(
            ["ip", "ip6"],
            [
                Sent(("10.0.0.8",), "10.0.0.1", "eth0"),
                Sent(("10.0.0.9",), "10.0.0.2", "eth0"),
                Sent(("fd00::9",), "fe80::1", "bond0.4"),
            ],
        )
        four, six = text.split("table ip6 lbctl_handover {}")
        assert "ip daddr { 10.0.0.8 } jump from0" in four and "ip daddr { 10.0.0.9 } jump from1" in four
        assert 'dup to 10.0.0.2 device "eth0"\n' in four
        assert "ip6 daddr { fd00::9 } jump from0" in six and 'dup to fe80::1 device "bond0.4"' in six
        assert "icmpv6 type { destination-unreachable, packet-too-big" in six

    def test_the_old_holder_has_none(self) -> None:
        assert rules(["ip"], []) == "table ip lbctl_handover {}\ndelete table ip lbctl_handover\n"


class TestOpen:
    def test_by_port(self) -> None:
        assert open_ports(SS) == {80: 2, 5000: 1}
        assert open_ports("") == {}

    @pytest.mark.parametrize(
        ("state", "timer", "number"),
        [
            ("FIN-WAIT-1", "timer:(on,6.2sec,3)", 0),
            ("LAST-ACK", "timer:(on,12sec,5)", 0),
            ("SYN-RECV", "timer:(on,7.9sec,3)", 0),
            ("FIN-WAIT-1", "timer:(on,200ms,0)", 1),
            ("SYN-RECV", "timer:(on,1.9sec,2)", 1),
            ("FIN-WAIT-1", "timer:(persist,2min,9)", 1),  # the client is there, and slow
            ("FIN-WAIT-1", "", 1),
            ("ESTAB", "timer:(on,12sec,5)", 1),  # HAProxy's own timeouts end it
        ],
    )
    def test_whose_client_is_gone_is_not_waited_for(self, state: str, timer: str, number: int) -> None:
        row = f"{state} 0 1 10.0.0.9:80 10.0.0.99:51001 {timer}\n"
        assert open_ports(row).total() == number

    def test_what_is_closed_on_this_side_is_not_asked_for(self) -> None:
        of_one = open_probe(["10.0.0.9"], ["10.0.0.2", "fd00::2"]).script
        assert "'( src 10.0.0.9 )'' and not dst 10.0.0.2 and not dst [fd00::2]'" in of_one
        script = open_probe(["10.0.0.9", "fd00::9"]).script
        assert script.endswith("'( src 10.0.0.9 or src [fd00::9] )'")
        assert "state established" in script and "time-wait" not in script and "fin-wait-2" not in script


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("7\n0\n0\n", (7, 0)),
        ("0\n2\n0\n", (0, 2)),
        ("9\n5\n4\n", (7, 3)),  # two of its own, each of which is two sockets, and one to another node
        ("", (0, 0)),
        ("sh: ss: not found\n0\n", (0, 0)),
    ],
)
def test_a_connection_of_ones_own_counts_once(said: str, found: tuple[int, int]) -> None:
    assert connections({"connections": Answer(0, said.encode())}) == found


def facts(node: str = "lb1") -> Facts:
    """A node that has all that it takes."""
    of = cluster(PROXY)
    found = gather_node(of.node(node), applied(of))
    return replace(found, tools=frozenset({"nft", "ss"}))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_HEARD_SECONDS", 0.0)


def scene() -> Scene:
    """HAProxy restarts everywhere, on nodes that have all that it takes; a file of TCP mode needs no more."""
    found = Scene(impact=Impact.RESTART)
    for node in found.transport.nodes.values():
        node.tools = "bash\nsocat\nnft\nss"
    return found


PARTS = ("txn_begin", "arm", "send_on", "answer_on_lo", "set_drain", "end_handover", "disarm")


def commands() -> list[tuple[str, str, int]]:
    """The commands of lb1's turn that make up its handover, there and back: node, function, which time.

    The nodes are prepared side by side: their order among each other is another one each time.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handover, "_HEARD_SECONDS", 0.0)
        found = scene()
        found.walk()
    times: Counter[tuple[str, str]] = Counter()
    listed, turn = [], False
    for call in found.transport.calls:
        turn = turn or call == ("lb1", "txn_begin")
        times[call] += 1
        if turn and call[1] in PARTS:
            listed.append((*call, times[call]))
    return sorted(listed)


def failing(node: str, function: str, time: int) -> Callable[[int, str, Command], bool]:
    times: Counter[tuple[str, str]] = Counter()

    def fails(number: int, at: str, command: Command) -> bool:
        times[at, command.words[0]] += 1
        return (at, command.words[0]) == (node, function) and times[at, command.words[0]] == time

    return fails


@pytest.mark.usefixtures("hasty")
class TestWalk:
    def test_the_others_are_ready_before_the_vip_moves_and_have_nothing_after_it(self) -> None:
        found = scene()
        seen: list[tuple[str, ...]] = []

        def note(number: int, node: str, command: Command) -> bool:
            nodes = found.transport.nodes
            if (node, command.words[0]) == ("lb1", "set_drain"):
                sending = [name for name, one in nodes.items() if one.state.table]
                seen.append(
                    (*sending, *(name for name, one in nodes.items() if one.state.lo == ("10.0.0.9/32",)))
                )
            return False

        found.transport.failing = note
        assert found.walk() == Walked(touched=True)
        assert seen == [("lb2", "lb3", "lb1"), ("lb1", "lb3", "lb2")]
        assert found.changed() == ["lb1", "lb2", "lb3"]
        said = {str(e.step.name): e.text for e in found.events if isinstance(e, StepDone)}
        assert "moved to lb2 losslessly" in said["handover"] and "moved losslessly" in said["undrain"]

    def test_the_lower_backup_waits(self) -> None:
        found = scene()
        drained: list[str] = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words == ("take_reload", "haproxy"):
                drained.append(",".join(n for n, one in found.transport.nodes.items() if one.state.drain))
            return False

        found.transport.failing = note
        found.walk()
        assert drained == ["lb1,lb3", "lb3"]

    def test_should_nobody_confirm_the_others_wait_for_the_vip_to_be_back(self) -> None:
        """With an advert a second an election takes 10 s at most."""
        found = scene()
        armed: list[tuple[str, str]] = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "arm":
                armed.append((node, command.words[1]))
            return False

        found.transport.failing = note
        found.walk()
        turn = armed[armed.index(("lb1", "120")) :]
        assert sorted(turn) == [("lb1", "120"), *[("lb2", "130")] * 2, *[("lb3", "130")] * 2]

    @pytest.mark.parametrize(("node", "function", "time"), commands())
    def test_wherever_it_fails_nothing_is_left_over(self, node: str, function: str, time: int) -> None:
        found = scene()
        found.transport.failing = failing(node, function, time)
        walked = found.walk()
        assert walked.error is not None and walked.back
        assert found.changed() == ["lb2", "lb3"]
        assert not [one for one in found.transport.nodes.values() if one.state.table or one.state.lo]

    def test_what_is_still_open_is_said_by_frontend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = scene()
        monkeypatch.setattr(handover, "_POLL", 0.0)
        found.transport.nodes["lb1"].open = SS
        run = found.run()
        run.drain_timeout = 1
        assert walk(run) == Walked(touched=True)
        (text,) = (e.text for e in found.events if isinstance(e, StepDone) and "not losslessly" in e.text)
        assert text.endswith("after 1 s 3 connections were still open, and were cut: 2 of f, 1 of port 5000")

    def test_a_soft_stop_that_fails_is_said(self) -> None:
        found = scene()
        found.transport.failing = lambda at, node, command: command.words[0] == "take_reload"
        assert found.walk() == Walked(touched=True)

    @pytest.mark.parametrize("seconds", [0, 30])
    def test_plain_where_it_is_wished_or_cannot_be_otherwise(self, seconds: int) -> None:
        found = scene() if not seconds else Scene(impact=Impact.RESTART)
        run = found.run()
        run.drain_timeout = seconds
        assert walk(run) == Walked(touched=True)
        assert not {"send_on", "answer_on_lo"} & {function for _, function in found.transport.calls}
        why = "lb1, lb2, lb3: nft is missing" if seconds else "--drain-timeout is 0"
        assert [e for e in found.events if isinstance(e, StepDone) and f"plainly, because {why}" in e.text]


def having(path: str, text: str, node: str = "lb1") -> Facts:
    """The same with another live file."""
    found = facts(node)
    live = tuple(
        replace(r, content=plain(text.encode())) if isinstance(r, Resource) and r.address.name == path else r
        for r in found.resources
    )
    assert found.owner is not None
    owner = replace(
        found.owner, resources=tuple(_as_put(r, path, text, found.owner.key) for r in found.owner.resources)
    )
    return replace(found, resources=live, owner=owner)


def _as_put(one: Resource, path: str, text: str, key: str) -> Resource:
    """lbctl itself has put it there."""
    if one.address.name != path:
        return one
    return resource(one.address, {**one.values, "content": plain(text.encode()).digest(key)})


class TestWayOut:
    @pytest.mark.parametrize(
        ("more", "how"),
        [("", "by its drain file"), ("  nopreempt\n", "by stopping its keepalived")],
    )
    def test_nobody_who_does_not_preempt_takes_it_from_a_drained_node(self, more: str, how: str) -> None:
        other = having(KEEPALIVED, VRRP.replace("  state", f"{more}  state") % 101, "lb2")
        assert way_out({"lb1": facts(), "lb2": other}, "lb1") == how

    def test_in_a_sync_group(self) -> None:
        group = "vrrp_sync_group g {\n  group {\n    v\n  }\n}\n"
        alike = {name: having(KEEPALIVED, group + VRRP % 101, name) for name in ("lb1", "lb2")}
        assert way_out(alike, "lb1") == "by stopping its keepalived"

    def test_without_a_drain_file(self) -> None:
        alone = having(KEEPALIVED, VRRP.replace("/var/lib/lbctl/drain", "/other") % 102)
        assert way_out({"lb1": alone, "lb2": facts("lb2")}, "lb1") == "by stopping its keepalived"


class TestObstacles:
    def test_none(self) -> None:
        gathered = {name: facts(name) for name in ("lb1", "lb2")}
        assert list(obstacles(gathered)) == [] == list(costs(gathered, "lb1"))
        assert manner(gathered) == LOSSLESS

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (
                replace(having(HAPROXY, "# by hand\n"), owner=facts().owner),
                "lb1: its haproxy.cfg is not what",
            ),
            (replace(facts(), networks=frozenset({"10.9.0.0/24"})), "lb1, lb2: no network that all"),
            (replace(facts(), armed="p"), "lb1: an apply was cut off there"),
            (replace(facts(), tools=frozenset({"ss"})), "lb1: nft is missing"),
            (replace(facts(), tools=frozenset({"nft"})), "lb1: ss is missing"),
            (having(KEEPALIVED, "vrrp_instance v {\n  use_vmac\n}\n"), "lb1: use_vmac"),
            (having(HAPROXY, "frontend f\n  bind quic4@10.0.0.9:443\n"), "lb1: it serves UDP"),
            (having(HAPROXY, "frontend f\n  mode http\n  bind :80\n"), "lb1: its HAProxy closes kept-alive"),
            (
                having(HAPROXY, f"defaults\n  mode http\n  {IDLE}\nlisten f\n  no {IDLE}\n"),
                "lb1: its HAProxy closes kept-alive",
            ),
        ],
    )
    def test_each_is_named_with_its_mend(self, found: Facts, said: str) -> None:
        gathered = {"lb1": replace(found, connections=7), "lb2": facts("lb2")}
        assert manner(gathered).startswith(f"plain, because {said}")
        (problem,) = costs(gathered, "lb1")
        assert (problem.code, problem.level) == ("plain-handover", "warning") and problem.mend
        assert problem.text.startswith(
            "lb1: the VIP moves plainly; its 7 open connections may be cut, because"
        )
        assert said in problem.text

    def test_clients_on_the_nodes_themselves_are_counted(self) -> None:
        """Where all moves plainly, they are a part of that."""
        gathered = {"lb1": replace(facts(), own_clients=2), "lb2": replace(facts("lb2"), own_clients=3)}
        (problem,) = costs(gathered, "lb1")
        assert (problem.code, problem.level) == ("own-clients", "warning") and problem.mend
        assert "may be cut as the VIP moves (2 on lb1, 3 on lb2)" in problem.text
        gathered["lb2"] = replace(gathered["lb2"], tools=frozenset())
        assert [problem.code for problem in costs(gathered, "lb1")] == ["plain-handover"]
        assert list(costs({"lb1": facts()}, "lb1")) == []

    @pytest.mark.parametrize(
        "text",
        [
            f"defaults\n  mode http\n  {IDLE}\nfrontend f\n  bind :80\n",
            f"defaults\n  mode http\nfrontend f\n  {IDLE}\n",
            "defaults\n  mode tcp\nlisten f\n  bind :3306\n",
            "defaults\n  mode http\nbackend b\n",
        ],
    )
    def test_no_obstacle(self, text: str) -> None:
        assert list(obstacles({"lb1": having(HAPROXY, text)})) == []
