"""A node whose keepalived starts beside others': when it listens, what it has to hear, and how it joins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from lbctl.gather import gather_node
from lbctl.keepalived.advert import Awaited
from lbctl.model.cluster import Cluster, Package, Service
from lbctl.model.event import Event, StepDone
from lbctl.model.plan import Plan, StepName
from lbctl.planning import election
from lbctl.planning.plan import make
from lbctl.rollout import vrrp
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from tests.unit.fake_node import KEEPALIVED
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_planning import changed_vrrp
from tests.unit.test_rollout_walk import PROXY, applied, cluster

JOINS = ["arm", "listen", "drain", "swap", "verify", "undrain", "confirm"]


def managed(of: Cluster) -> Cluster:
    """The cluster with keepalived as a service that runs."""
    return replace(of, nodes=tuple(replace(node, services=(Service("keepalived"),)) for node in of.nodes))


CLUSTER = managed(cluster(PROXY))
NO_DRAIN_FILE = changed_vrrp(CLUSTER, b"  file /var/lib/lbctl/drain\n", b"  file /run/other\n")


def stopped(of: Cluster, *names: str) -> FakeTransport:
    """Nodes as an apply has left them, with keepalived stopped on these."""
    transport = applied(of)
    for name in names:
        transport.nodes[name].state.active.discard("keepalived")
    return transport


def plan(of: Cluster, transport: FakeTransport) -> Plan:
    return make(of, {node.name: gather_node(node, transport) for node in of.nodes}, "2026-01-01T00:00:00Z")


def turn(of: Plan, node: str) -> list[str]:
    return [str(step.name) for step in of.steps if step.node == node]


def text(of: Plan, name: StepName) -> str:
    return next(step.text for step in of.steps if step.name is name)


def listening(of: Plan) -> list[str]:
    return [step.node for step in of.steps if step.name is StepName.LISTEN]


class TestPlan:
    def test_one_that_was_stopped(self) -> None:
        made = plan(CLUSTER, stopped(CLUSTER, "lb2"))
        assert turn(made, "lb2") == JOINS
        assert text(made, StepName.UNDRAIN) == "in the election from now on"
        assert "plain-handover" not in {problem.code for problem in made.problems}

    def test_the_highest_priority_takes_the_vip_and_the_plan_says_so(self) -> None:
        made = plan(CLUSTER, stopped(CLUSTER, "lb1"))
        assert text(made, StepName.UNDRAIN) == "in the election from now on: 10.0.0.9 moves to it, plain"
        (problem,) = (one for one in made.problems if one.code == "plain-handover")
        assert problem.level == "warning" and "from lb2" in problem.text

    def test_of_a_bare_cluster_the_first_has_nobody_to_hear(self) -> None:
        made = plan(CLUSTER, stopped(CLUSTER, "lb1", "lb2", "lb3"))
        assert [step.node for step in made.steps if step.name is StepName.SWAP] == ["lb3", "lb2", "lb1"]
        assert listening(made) == ["lb2", "lb1"]
        assert "plain-handover" not in {problem.code for problem in made.problems}

    def test_one_that_is_only_recorded_runs_already(self) -> None:
        transport = applied(CLUSTER)
        for node in transport.nodes.values():
            node.state.owner = b"none"
        made = plan(CLUSTER, transport)
        assert made.changes and not made.touches
        assert "plain-handover" not in {problem.code for problem in made.problems}

    def test_two_of_three(self) -> None:
        assert listening(plan(CLUSTER, stopped(CLUSTER, "lb1", "lb3"))) == ["lb3", "lb1"]

    def test_all_others_drained_hold_all_the_same(self) -> None:
        transport = stopped(CLUSTER, "lb3")
        for name in ("lb1", "lb2"):
            transport.nodes[name].state.drain = election.DRAINED
        made = plan(CLUSTER, transport)
        assert turn(made, "lb3") == JOINS
        assert "10.0.0.9 moves to it" in text(made, StepName.UNDRAIN)

    def test_all_others_left_out_are_nobody_to_hear(self) -> None:
        assert listening(plan(CLUSTER.without(["lb1", "lb2"]), stopped(CLUSTER, "lb3"))) == []

    def test_one_that_an_operator_drained_stays_so(self) -> None:
        transport = stopped(CLUSTER, "lb1")
        transport.nodes["lb1"].state.drain = election.DRAINED
        made = plan(CLUSTER, transport)
        assert turn(made, "lb1") == [name for name in JOINS if name not in ("drain", "undrain")]
        assert "plain-handover" not in {problem.code for problem in made.problems}

    def test_without_the_drain_file_it_listens_all_the_same(self) -> None:
        made = plan(NO_DRAIN_FILE, stopped(NO_DRAIN_FILE, "lb3"))
        assert turn(made, "lb3") == [name for name in JOINS if name not in ("drain", "undrain")]

    def test_without_socat_it_is_said_that_nobody_listens(self) -> None:
        transport = stopped(CLUSTER, "lb3")
        gathered = {node.name: gather_node(node, transport) for node in CLUSTER.nodes}
        gathered["lb3"] = replace(gathered["lb3"], tools=frozenset({"bash"}))
        made = make(CLUSTER, gathered, "")
        assert turn(made, "lb3") == [name for name in JOINS if name != "listen"]
        assert any("without being sure to hear" in one.text for one in made.problems if one.code == "tools")
        packages = (Package("socat"),)
        getting = replace(CLUSTER, nodes=tuple(replace(n, packages=packages) for n in CLUSTER.nodes))
        assert listening(make(getting, gathered, "")) == ["lb3"]


@dataclass
class Scene:
    """An apply that starts keepalived on lb3."""

    wanted: Cluster = CLUSTER
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = stopped(self.wanted, "lb3")

    def walk(self) -> Walked:
        gathered = {node.name: gather_node(node, self.transport) for node in self.wanted.nodes}
        made = plan(self.wanted, self.transport)
        return walk(Run(self.wanted, "id", made, self.transport, gathered, self.events.append))

    def said(self, name: StepName) -> str:
        return next(e.text for e in self.events if isinstance(e, StepDone) and e.step.name is name)

    def functions(self) -> list[str]:
        return [function for node, function in self.transport.calls if node == "lb3"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: these nodes need no time."""

    def none(of: Iterable[election.Candidate]) -> float:
        return 0.0

    monkeypatch.setattr(election, "patience", none)
    monkeypatch.setattr(vrrp, "_BEGINS", 0.3)
    monkeypatch.setattr(Awaited, "patience", 0.05)


class TestWalk:
    def test_it_hears_starts_drained_and_then_takes_part(self) -> None:
        scene = Scene()
        assert scene.walk() == Walked(touched=True)
        assert scene.said(StepName.LISTEN) == "v hears lb1"
        wanted = ("arm", "hear_adverts", "set_drain", "start_service", "set_drain", "confirm")
        assert [name for name in scene.functions() if name in wanted] == list(wanted)
        assert scene.transport.nodes["lb3"].state.drain == 0
        assert scene.transport.holder() == "lb1"

    def test_a_deaf_one_is_not_started(self) -> None:
        scene = Scene()
        scene.transport.nodes["lb3"].deaf = True
        walked = scene.walk()
        assert (walked.undone, walked.touched) == ({"lb3": True}, True)
        assert walked.error is not None
        assert "v: listened for VRID 47 from lb1 on eth0" in walked.error.detail
        assert walked.error.detail.endswith("heard no advert at all")
        assert "protocol 112 to 224.0.0.18" in walked.error.mend
        assert not {"set_drain", "start_service"} & set(scene.functions())

    def test_one_that_hears_another_router_alone(self) -> None:
        """The holder has loaded another file than the one that this node gets."""
        scene = Scene()
        loaded = scene.transport.nodes["lb1"].state.loaded
        loaded[KEEPALIVED] = loaded[KEEPALIVED].replace(b"virtual_router_id 47", b"virtual_router_id 48")
        walked = scene.walk()
        assert walked.error is not None
        assert walked.error.detail.endswith("\nheard VRID 48 from 10.0.0.1")
        assert walked.error.mend.startswith("let virtual_router_id")
        assert "start_service" not in scene.functions()

    def test_one_whose_own_file_differs_would_not_take_them(self) -> None:
        """Measured: a keepalived with another advert_int drops them, and is a second master."""
        scene = Scene(changed_vrrp(CLUSTER, b"advert_int 1", b"advert_int 3"))
        walked = scene.walk()
        assert walked.error is not None
        assert "heard VRID 47 from 10.0.0.1: advert_int 1, and 3 here" in walked.error.detail
        assert walked.error.mend.startswith("let version, advert_int")
        assert "start_service" not in scene.functions()
