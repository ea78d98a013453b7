"""The text of a handover's tables, what stands in its way, and what is open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lbctl.gather import gather_node
from lbctl.host.handover import Sent, open_ports, open_probe, rules
from lbctl.model.content import plain
from lbctl.model.facts import Facts
from lbctl.model.resource import Resource
from lbctl.planning.handover import LOSSLESS, manner, obstacles
from lbctl.planning.handover import plain as costs
from tests.unit.fake_node import HAPROXY, KEEPALIVED
from tests.unit.test_rollout_walk import PROXY, applied, cluster

BOTH = """\
table ip lbctl_handover {}
delete table ip lbctl_handover
table ip lbctl_handover {
  set mine { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic; size 1000000; }
  chain from0 {
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

    def test_what_is_closed_on_this_side_is_not_asked_for(self) -> None:
        script = open_probe(["10.0.0.9", "fd00::9"]).script
        assert script.endswith("'( src 10.0.0.9 or src fd00::9 )'")
        assert "state established" in script and "time-wait" not in script and "fin-wait-2" not in script


def facts(node: str = "lb1") -> Facts:
    """A node that has all that it takes."""
    of = cluster(PROXY)
    found = gather_node(of.node(node), applied(of))
    return replace(found, tools=frozenset({"nft", "ss"}))


def having(path: str, text: str) -> Facts:
    """The same with another live file."""
    found = facts()
    live = tuple(
        replace(r, content=plain(text.encode())) if isinstance(r, Resource) and r.address.name == path else r
        for r in found.resources
    )
    return replace(found, resources=live)


class TestObstacles:
    def test_none(self) -> None:
        gathered = {name: facts(name) for name in ("lb1", "lb2")}
        assert list(obstacles(gathered)) == [] == list(costs(gathered, "lb1"))
        assert manner(gathered) == LOSSLESS

    @pytest.mark.parametrize(
        ("found", "said"),
        [
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
