"""The order of a rollout, and what of a plan has to be allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lbctl.gather import gather_node
from lbctl.model.cluster import Cluster
from lbctl.model.effect import Impact
from lbctl.model.facts import Facts, ServerState
from lbctl.model.plan import Plan, StepName
from lbctl.planning.order import node_order
from lbctl.planning.plan import make, same_inputs
from tests.unit.fake_node import HAPROXY, KEEPALIVED
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_rollout_walk import PROXY, applied, cluster

SERVERS = PROXY + "  server b 10.0.0.22:80\n  server c 10.0.0.23:80\n  server d 10.0.0.24:80\n"


def gathered(of: Cluster, transport: FakeTransport) -> dict[str, Facts]:
    return {node.name: gather_node(node, transport) for node in of.nodes}


def changed_vrrp(of: Cluster, old: bytes, new: bytes) -> Cluster:
    """The cluster with other words in each keepalived.conf."""
    nodes = []
    for node in of.nodes:
        files = []
        for file in node.files:
            data = file.content.data.replace(old, new) if file.path == KEEPALIVED else file.content.data
            files.append(replace(file, content=replace(file.content, data=data, shown=data)))
        nodes.append(replace(node, files=tuple(files)))
    return replace(of, nodes=tuple(nodes))


def plan(old: Cluster, new: Cluster) -> Plan:
    return make(new, gathered(new, applied(old)), "2026-01-01T00:00:00Z")


def codes(found: Plan) -> list[str]:
    return [problem.code for problem in found.problems if problem.level == "unsafe"]


class TestOrder:
    def test_backups_by_rising_priority_then_the_holder(self) -> None:
        assert node_order(cluster(PROXY), gathered(cluster(PROXY), applied(cluster(PROXY)))) == (
            ("lb3", "lb2", "lb1")
        )

    def test_the_node_that_really_holds_the_vip_is_last(self) -> None:
        transport = applied(cluster(PROXY))
        transport.nodes["lb1"].state.drain = -253
        assert node_order(cluster(PROXY), gathered(cluster(PROXY), transport)) == ("lb3", "lb1", "lb2")

    @pytest.mark.parametrize(
        ("impact", "handover", "moves"),
        [
            (Impact.RELOAD, "auto", False),
            (Impact.RESTART, "auto", True),
            (Impact.RELOAD, "always", True),
            (Impact.RESTART, "never", False),
        ],
    )
    def test_when_the_vip_moves(self, impact: Impact, handover: str, moves: bool) -> None:
        new = replace(cluster(SERVERS, impact), handover=handover)
        steps = plan(cluster(PROXY), new).steps
        found = [step.node for step in steps if step.name is StepName.HANDOVER]
        assert found == (["lb1"] if moves else [])

    def test_it_does_not_move_where_nobody_could_take_it(self) -> None:
        transport = applied(cluster(PROXY))
        for name in ("lb2", "lb3"):
            transport.nodes[name].state.active.discard("haproxy")
        new = cluster(SERVERS, Impact.RESTART)
        made = make(new, gathered(new, transport), "")
        assert StepName.HANDOVER not in {step.name for step in made.steps}
        assert codes(made) == ["last-node"]

    def test_a_record_alone_touches_nothing(self) -> None:
        transport = applied(cluster(PROXY))
        for fake in transport.nodes.values():
            fake.state.files[HAPROXY] = (SERVERS.encode(), "0644", "root:root")
        made = make(cluster(SERVERS), gathered(cluster(SERVERS), transport), "")
        assert {step.name for step in made.steps} == {StepName.CONFIRM}


class TestUnsafe:
    def test_a_plain_addition_needs_nothing(self) -> None:
        assert codes(plan(cluster(PROXY), cluster(SERVERS))) == []

    @pytest.mark.parametrize(("left", "unsafe"), [(3, False), (2, True), (1, True)])
    def test_a_backend_that_loses_half_or_is_left_with_one(self, left: int, unsafe: bool) -> None:
        lines = SERVERS.splitlines(keepends=True)
        new = "".join(lines[: len(lines) - (4 - left)])
        assert codes(plan(cluster(SERVERS), cluster(new))) == (["shrink"] if unsafe else [])

    def test_servers_that_are_down_do_not_count(self) -> None:
        transport, new = applied(cluster(SERVERS)), cluster(SERVERS.replace("  server d 10.0.0.24:80\n", ""))
        found = gathered(new, transport)
        down = tuple(ServerState("b", name, "UP" if name == "a" else "DOWN") for name in "abc")
        found = {name: replace(facts, servers=down) for name, facts in found.items()}
        assert codes(make(new, found, "")) == ["shrink"]

    def test_drift_names_what_was_changed_and_is_found_once(self) -> None:
        transport = applied(cluster(PROXY))
        for fake in transport.nodes.values():
            fake.state.files[HAPROXY] = (b"by hand\n", "0644", "root:root")
        made = make(cluster(PROXY), gathered(cluster(PROXY), transport), "")
        assert codes(made) == ["drift"]
        assert "lb1, lb2, lb3" in made.problems[0].text and HAPROXY in made.problems[0].text
        assert made.refused(()) and not made.refused({"drift"})

    def test_what_peers_compare(self) -> None:
        new = changed_vrrp(cluster(PROXY), b"advert_int 1", b"advert_int 2")
        assert codes(plan(cluster(PROXY), new)) == []

    def test_a_vip_that_is_removed(self) -> None:
        new = changed_vrrp(cluster(PROXY), b"    10.0.0.9\n", b"    10.0.0.8\n")
        assert codes(plan(cluster(PROXY), new)) == ["vip-removed"]

    def test_a_configuration_that_is_not_lbctls(self) -> None:
        transport = applied(cluster(PROXY))
        transport.nodes["lb2"].state.owner = b"none"
        assert codes(make(cluster(SERVERS), gathered(cluster(SERVERS), transport), "")) == ["take-over"]

    def test_another_clusters_node_is_no_matter_of_permission(self) -> None:
        transport = applied(cluster(PROXY))
        owner = transport.nodes["lb2"].state.owner
        transport.nodes["lb2"].state.owner = owner.replace(b'"cluster": "c"', b'"cluster": "d"')
        made = make(cluster(SERVERS), gathered(cluster(SERVERS), transport), "")
        assert [p.code for p in made.refused({"take-over", "drift"})] == ["foreign"]


class TestStale:
    def test_the_same_inputs_are_not(self) -> None:
        assert (
            same_inputs(plan(cluster(PROXY), cluster(SERVERS)), plan(cluster(PROXY), cluster(SERVERS))) == ()
        )

    def test_a_vip_that_moved_is_named(self) -> None:
        transport = applied(cluster(PROXY))
        before = make(cluster(SERVERS), gathered(cluster(SERVERS), transport), "")
        transport.nodes["lb1"].state.drain = -253
        after = make(cluster(SERVERS), gathered(cluster(SERVERS), transport), "")
        assert any("lb2" in words and "10.0.0.9" in words for words in same_inputs(before, after))
