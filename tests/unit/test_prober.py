"""An apply that is watched, on nodes in memory: who asks, what it says, and when it was too much."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.errors import RefusedError, UnreachableError
from lbctl.model.event import Event, Probed, StepDone, StepFailed, StepStarted
from lbctl.model.outage import ASKED_BY_NODES, LOCAL, NOBODY, Asking, Outage
from lbctl.model.plan import StepName
from lbctl.model.report import ApplyReport
from lbctl.store.workspace import ClusterState
from lbctl.views.json import event_line
from lbctl.workflows.apply import Apply, apply
from lbctl.workflows.plan import plan
from tests.unit.fake_node import HAPROXY
from tests.unit.test_rollout_walk import PROXY, applied, cluster

NEW = PROXY + "  server b 10.0.0.22:80\n"
MOMENT = {StepName.SWAP: 0.2, StepName.CONFIRM: 0.2}
LEAST = 0.03  # seconds for a few samples, at a step's beginning and its end


class Scene:
    """An apply of another server; at each step's end there is time to ask."""

    def __init__(self, root: Path) -> None:
        self.state = ClusterState(root / "state" / "c")
        self.transport = applied(cluster(PROXY))
        self.events: list[Event] = []
        self.now = ("", "")

    def on(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, StepStarted):
            self.now = (str(event.step.name), event.step.node)
            time.sleep(MOMENT.get(event.step.name, LEAST))
        elif isinstance(event, StepDone):
            self.now = ("", "")
            time.sleep(MOMENT.get(event.step.name, LEAST))

    def apply(self, asking: Asking = ASKED_BY_NODES) -> ApplyReport:
        wanted = cluster(NEW)
        with_ = Apply(wanted, self.transport, self.state, self.on, event_line, "cluster: c\n", asking=asking)
        return apply(
            with_, plan(wanted, self.state, self.transport, self.on), frozenset({"shrink"}), saved=False
        )

    def watched(self, asking: Asking = ASKED_BY_NODES) -> Outage:
        found = self.apply(asking).outage
        assert found is not None
        return found

    def fails_in(self, step: str, node: str) -> Callable[[str, str], str]:
        return lambda place, port: "refused" if self.now == (step, node) else "ok"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


class TestWatched:
    def test_nothing_fails(self, scene: Scene) -> None:
        found = scene.watched()
        assert (found.off, found.figures.failed, found.outage, found.ports) == ("", 0, 0.0, 1)
        assert found.figures.asked > 50 and found.silent == () and found.blind < 1
        assert [one.step for one in found.steps][:2] == ["stage", "arm"]
        assert sum(one.figures.asked for one in found.steps) == found.figures.asked
        assert scene.state.history()[0].requests == found.figures
        assert scene.state.runs.all()[0].report is not None
        assert [event.failed for event in scene.events if isinstance(event, Probed)] == [0]

    def test_by_a_node_that_is_not_under_way_and_holds_no_vip(self, scene: Scene) -> None:
        found = scene.watched()
        assert found.places == ("lb3", "lb2", "lb3")  # the turns are lb3's, lb2's and lb1's
        assert scene.transport.probing == ["lb3", "lb2", "lb3"]
        assert scene.transport.keeping == ["lb3", "lb3"]  # lb2 would get the VIP

    def test_of_two_nodes_none_keeps_a_connection(self, scene: Scene) -> None:
        scene.transport.nodes["lb3"].tools = "socat"
        assert scene.watched().places == ("lb2", "lb1", "lb2")
        assert scene.transport.keeping == []

    def test_in_which_step_it_failed(self, scene: Scene) -> None:
        scene.transport.outcome = scene.fails_in("swap", "lb2")
        found = scene.watched()
        (step,) = [one for one in found.steps if one.figures.failed]
        assert (step.step, step.nodes) == ("swap", ("lb2",))
        assert step.figures.failed == found.figures.failed == len(found.failures)
        assert 0 < step.figures.longest_gap == found.figures.longest_gap < 1

    def test_a_port_that_answers_nobody(self, scene: Scene) -> None:
        scene.transport.outcome = lambda place, port: "status-503"
        found = scene.watched()
        assert [(one.port, one.what) for one in found.silent] == [("10.0.0.9:80", "status-503")]
        assert found.figures.asked == found.figures.failed == 0


class TestWhoAsks:
    def test_nobody(self, scene: Scene) -> None:
        found = scene.watched(Asking(NOBODY))
        assert found.off == "--probe-from none" and scene.transport.probing == []
        assert scene.state.history()[0].requests is None

    def test_a_node_without_bash_does_not(self, scene: Scene) -> None:
        scene.transport.nodes["lb3"].tools = "socat"
        assert "lb3" not in scene.watched().places

    def test_no_node_can(self, scene: Scene) -> None:
        for node in scene.transport.nodes.values():
            node.tools = "socat"
        with pytest.raises(RefusedError, match="no node can ask"):
            scene.apply(Asking(most=1))
        assert scene.transport.calls == []
        assert scene.watched().off == "no node has bash"

    def test_where_nothing_serves_nothing_is_asked(self, scene: Scene) -> None:
        for node in scene.transport.nodes.values():
            node.state.files[HAPROXY] = (PROXY.replace("10.0.0.9", "10.0.0.8").encode(), "0644", "root:root")
        wanted = cluster(NEW)
        with_ = Apply(wanted, scene.transport, scene.state, scene.on, event_line, "cluster: c\n")
        found = apply(
            with_,
            plan(wanted, scene.state, scene.transport, scene.on),
            frozenset({"shrink", "drift"}),
            saved=False,
        )
        assert found.outage == Outage(off="no port of a VIP serves before and after it")

    def test_one_that_is_cut_off_is_followed_by_another(self, scene: Scene) -> None:
        """And nothing else happens."""

        def outcome(place: str, port: str) -> str:
            if place == "lb3":
                raise UnreachableError("lb3", "the connection is gone")
            return "ok"

        scene.transport.outcome = outcome
        found = scene.watched()
        assert found.places[:2] == ("lb3", "lb2") and found.figures.asked > 10
        assert found.figures.failed == 0


class TestTooMuch:
    def test_the_node_under_way_is_undone(self, scene: Scene) -> None:
        scene.transport.outcome = scene.fails_in("swap", "lb2")
        report = scene.apply(Asking(most=0.0))
        assert int(report.code) == 3
        assert {node.node: node.what for node in report.nodes} == {
            "lb1": "unchanged",
            "lb2": "undone",
            "lb3": "changed",
        }
        assert "more than --max-outage 0" in report.summary
        assert report.outage is not None and report.outage.too_long
        assert any(step.figures.failed and step.nodes == ("lb2",) for step in report.outage.steps)
        (failed,) = [event for event in scene.events if isinstance(event, StepFailed)]
        assert failed.step.name is StepName.VERIFY

    def test_what_is_less_is_let_pass(self, scene: Scene) -> None:
        scene.transport.outcome = scene.fails_in("swap", "lb2")
        report = scene.apply(Asking(most=30))
        assert int(report.code) == 0 and report.outage is not None and report.outage.figures.failed

    def test_between_two_turns_it_ends_before_the_next(self, scene: Scene) -> None:
        scene.transport.outcome = scene.fails_in("confirm", "lb3")
        report = scene.apply(Asking(most=0.0))
        assert {node.node: node.what for node in report.nodes}["lb3"] == "changed"
        assert int(report.code) == 3 and report.outage is not None
        assert {step.nodes for step in report.outage.steps if step.figures.failed} == {("lb3",)}


def test_from_this_machine(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lbctl.rollout.prober.local_lines",
        lambda script, over: iter(["probe ready 1.00", "probe 1.00 1.00 0 ok"]),
    )
    found = scene.watched(replace(Asking(), source=LOCAL))
    assert found.places == ("local",) and found.figures.asked >= 1 and scene.transport.probing == []
