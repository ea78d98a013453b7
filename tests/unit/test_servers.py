"""Servers that go are drained first, on all nodes; whatever happens, none stays drained that does not go."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import count

import pytest

from lbctl.errors import Problem, RemoteError
from lbctl.gather import gather_node
from lbctl.haproxy import stats
from lbctl.model.command import Command
from lbctl.model.effect import Impact
from lbctl.model.event import NodeUndone, StepDone, StepFailed
from lbctl.model.facts import SERVERS, ServerState
from lbctl.model.plan import Plan, StepName
from lbctl.planning.plan import make
from lbctl.planning.servers import Going, going, named
from lbctl.rollout import handover, servers
from lbctl.rollout.prober import Prober
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from tests.unit.fake_node import HAPROXY
from tests.unit.test_rollout_walk import Scene, applied, cluster

OLD = """\
global
  stats socket /run/haproxy/admin.sock level admin
frontend f
  bind 10.0.0.9:80
  default_backend b
backend b
  server one 10.0.0.21:80
  server two 10.0.0.22:80
backend c
  server one 10.0.0.21:81
  server two 10.0.0.22:81
"""
TWO = ("  server two 10.0.0.22:80\n", "")
BOTH = (*TWO, "  server two 10.0.0.22:81\n", "")
NODES = ["lb1", "lb2", "lb3"]


@dataclass
class Removal(Scene):
    """An apply of `OLD` with texts replaced, on nodes that have it as it is."""

    changes: tuple[str, ...] = TWO

    def __post_init__(self) -> None:
        self.transport = applied(cluster(OLD))
        self.before = copy.deepcopy(self.transport.nodes)
        text = OLD
        for old, new in zip(self.changes[::2], self.changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        self.new = text.encode()
        self.wanted = cluster(text, self.impact)

    def planned(self) -> Plan:
        gathered = {node.name: gather_node(node, self.transport) for node in self.wanted.nodes}
        return make(self.wanted, gathered, "")

    def said(self) -> dict[str, str]:
        """By node, of the step."""
        done = (event for event in self.events if isinstance(event, StepDone))
        return {e.step.node: e.text for e in done if e.step.name is StepName.DRAIN_SERVERS}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_POLL", 0.0)
    monkeypatch.setattr(handover, "_HEARD_SECONDS", 0.0)


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(step.node, step.text) for step in plan.steps if step.name is StepName.DRAIN_SERVERS]


def costs(plan: Plan) -> list[Problem]:
    return [problem for problem in plan.problems if problem.code == "not-drained"]


class TestPlan:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            (TWO, Going(("b/two",))),
            (("10.0.0.22:80", "10.0.0.29:80"), Going(("b/two",))),
            (("10.0.0.22:80", "10.0.0.22:8080"), Going(("b/two",))),
            (("two 10.0.0.22:80", "two 10.0.0.22:80 weight 5"), Going()),
            (("two 10.0.0.22:80", "TWO 10.0.0.22:80"), Going(("b/two",))),
            (("10.0.0.21:80", "10.0.0.31:80", "10.0.0.22:80", "10.0.0.32:80"), Going((), ("b",))),
            (
                ("backend c\n  server one 10.0.0.21:81\n  server two 10.0.0.22:81\n", ""),
                Going(),
            ),
            (("global\n", "global\n  maxconn 9\n"), Going()),
        ],
    )
    def test_what_goes(self, changes: tuple[str, ...], expected: Going) -> None:
        plan = Removal(changes=changes).planned()
        assert {going(change) for change in plan.changes if change.address.name == HAPROXY} == {expected}
        assert [node for node, _ in steps(plan)] == (["lb3", "lb2", "lb1"] if expected.drained else [])

    def test_one_that_is_disabled_neither_goes_nor_serves(self) -> None:
        scene = Removal()
        text = OLD.replace("one 10.0.0.21:80", "one 10.0.0.21:80 disabled")
        scene.transport = applied(cluster(text))
        assert steps(scene.planned()) == []
        assert "all servers of b go at once" not in [p.text for p in costs(scene.planned())]

    def test_its_words(self) -> None:
        plan = Removal(changes=BOTH).planned()
        text = "two of 2 backends: no new sessions; what is open may end first, here and on all nodes"
        assert steps(plan)[0] == ("lb3", text)
        order = [step.name for step in plan.steps]
        assert order.index(StepName.DRAIN_SERVERS) == 3 and order[6] is StepName.ARM
        assert named(["b/two", "c/one"]) == "b/two, c/one"
        assert costs(plan) == []

    def test_whole_backends_are_said(self) -> None:
        (problem,) = costs(Removal(changes=("10.0.0.21:80", "10.0.0.31:80", *TWO)).planned())
        assert problem.text == "lb1, lb2, lb3: all servers of b go at once, so none is drained before"
        assert problem.level == "warning"

    def test_without_socat(self) -> None:
        scene = Removal()
        scene.transport.nodes["lb2"].tools = "bash"
        plan = scene.planned()
        assert [node for node, _ in steps(plan)] == ["lb3", "lb1"]
        (problem,) = costs(plan)
        assert problem.text == "lb2: b/two is not drained before it goes, because socat is missing"

    def test_without_a_socket(self) -> None:
        scene = Removal()
        scene.transport = applied(cluster(OLD.replace("level admin", "level operator")))
        plan = scene.planned()
        assert steps(plan) == []
        (problem,) = costs(plan)
        assert problem.text.startswith(
            "lb1, lb2, lb3: b/two is not drained before it goes, because its HAProxy"
        )

    def test_one_that_does_not_run_has_nothing_to_drain(self) -> None:
        scene = Removal()
        scene.transport.nodes["lb2"].state.active.discard("haproxy")
        assert [node for node, _ in steps(scene.planned())] == ["lb3", "lb1"]


class TestWalk:
    def test_on_all_nodes_before_the_first_changes_and_until_each_has(self) -> None:
        scene = Removal()
        seen: list[list[str]] = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] in ("swap_file", "confirm"):
                seen.append(
                    [n for n, one in scene.transport.nodes.items() if one.state.drained == ("b/two",)]
                )
            return False

        scene.transport.failing = note
        assert scene.walk() == Walked(touched=True)
        assert seen == [NODES, ["lb1", "lb2"], ["lb1", "lb2"], ["lb1"], ["lb1"], []]
        assert scene.changed() == NODES
        assert set(scene.said().values()) == {"b/two: all sessions ended within 0.0 s"}

    def test_a_restart_hands_the_vip_over_between_nodes_that_wait(self) -> None:
        scene = Removal(impact=Impact.RESTART)
        for node in scene.transport.nodes.values():
            node.tools = "bash\nsocat\nnft\nss"
        assert scene.walk() == Walked(touched=True)
        assert scene.changed() == NODES

    def test_nodes_that_wait_attend_a_handover_and_go_on_waiting(self) -> None:
        """With two holders the second one waits while the first gives its VIP away."""
        scene = Removal(impact=Impact.RESTART)
        for node in scene.transport.nodes.values():
            node.tools = "bash\nsocat\nnft\nss"
        run = scene.run()
        for name in NODES:
            run.steps[name] = "drain-servers"
            servers.do(run, name)
        with handover.prepared(run, handover.leaving(run, "lb1", drained=True)):
            assert (run.drains["lb3"], scene.transport.nodes["lb3"].state.drain) == (-253, -253)
            calls = [function for name, function in scene.transport.calls if name == "lb3"]
            anew = len(calls) - calls[::-1].index("arm")
            assert calls.count("arm") == 2 and anew < calls.index("note_part"), "as long as the others"
        for node in scene.transport.nodes.values():
            assert node.armed == run.plan.id + SERVERS and node.state.drained == ("b/two",)
            assert (node.state.drain, node.state.table, node.state.lo) == (0, b"", ())

    def test_what_it_costs_the_clients_is_counted(self) -> None:
        """The prober asks before it, and after all that they cannot notice."""
        scene, asked = Removal(), list[set[str]]()

        class Asking(Prober):
            def baseline(self) -> None:
                asked.append({function for _, function in scene.transport.calls})

        run = scene.run()
        run.prober = Asking((), (), lambda *_: iter(()), scene.events.append, off="nobody asks")
        assert walk(run).error is None
        assert len(asked) == 1 and "check_stage" in asked[0] and "drain_servers" not in asked[0]

    def test_sessions_are_waited_for(self) -> None:
        scene = Removal(changes=BOTH)
        asked: list[str] = []

        def sessions(server: str) -> int:
            asked.append(server)
            return 3 if asked.count("b/two") < 5 and server == "b/two" else 0

        scene.transport.nodes["lb1"].sessions = sessions
        assert scene.walk() == Walked(touched=True)
        assert "two of 2 backends: all sessions ended" in scene.said()["lb1"]
        assert asked.count("b/two") >= 5

    def test_and_no_longer_than_the_time_for_it(self) -> None:
        scene = Removal(changes=BOTH)
        scene.transport.nodes["lb1"].sessions = lambda server: 2 if server.endswith("two") else 7
        run = scene.run()
        run.drain_timeout = 0
        assert walk(run) == Walked(touched=True)
        assert scene.said()["lb1"] == "two of 2 backends: after 0 s still open: 2 of b, 2 of c"
        assert scene.changed() == NODES

    def test_one_that_is_down_is_not_waited_for(self) -> None:
        scene = Removal()
        for node in scene.transport.nodes.values():
            node.down, node.sessions = ("b/two",), lambda server: 1
        assert scene.walk() == Walked(touched=True)
        assert "all sessions ended within 0.0 s" in scene.said()["lb1"]

    def test_the_last_that_is_up_is_not_drained(self) -> None:
        scene = Removal(changes=BOTH)
        for one in scene.transport.nodes.values():
            one.down = ("b/one",)
        drained: list[tuple[str, ...]] = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "drain_servers":
                drained.append((node, *command.words[2:]))
            return False

        scene.transport.failing = note
        assert scene.walk() == Walked(touched=True)
        assert sorted(drained) == [(node, "c/two") for node in NODES]
        assert scene.said()["lb2"].endswith("; not drained, no other server is up: b")

    def test_a_haproxy_that_says_nothing_is_changed_all_the_same(self) -> None:
        scene = Removal()
        scene.transport.nodes["lb2"].silent = True
        assert scene.walk() == Walked(touched=True)
        assert scene.said()["lb2"] == "not drained: its HAProxy does not answer on its stats socket"
        assert scene.changed() == NODES


def commands() -> int:
    """How many there are, without what is written to the journals."""
    scene = Removal()
    scene.walk()
    return sum(function != "journal" for _, function in scene.transport.calls)


def drained(scene: Scene) -> list[str]:
    return [name for name, node in scene.transport.nodes.items() if node.state.drained]


class TestStopped:
    @pytest.mark.parametrize("number", range(commands()))
    def test_wherever_it_fails_no_server_stays_drained(self, number: int) -> None:
        """The step runs on all nodes at once: which of its commands fails is another one each time."""
        scene = Removal()
        at = count()
        scene.transport.failing = lambda _, node, command: (
            command.words[0] != "journal" and next(at) == number
        )
        walked = scene.walk()
        assert walked.error is not None and walked.back
        scene.changed()
        assert drained(scene) == []

    @pytest.mark.parametrize("number", range(1, 60, 4))
    def test_ctrl_c(self, number: int) -> None:
        scene = Removal(stop_after=number)
        walked = scene.walk()
        assert walked.back and walked.error is None
        assert walked.interrupted == (len(scene.changed()) < 3)
        assert drained(scene) == []

    def test_ctrl_c_ends_the_waiting(self) -> None:
        scene = Removal()
        for node in scene.transport.nodes.values():
            node.sessions = lambda server: 1
        scene.stop_after = 9
        assert scene.walk() == Walked(touched=False, interrupted=True)
        assert scene.changed() == drained(scene) == []

    def test_too_many_failed_requests_end_the_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Removal()
        for node in scene.transport.nodes.values():
            node.sessions = lambda server: 1

        def spent(run: Run, node: str) -> None:
            raise RemoteError(node, "requests have failed")

        monkeypatch.setattr(Run, "keep_budget", spent)
        walked = scene.walk()
        assert walked.error is not None and not walked.touched
        assert {e.step.name for e in scene.events if isinstance(e, StepFailed)} == {StepName.DRAIN_SERVERS}
        assert scene.changed() == drained(scene) == []

    def test_a_node_that_cannot_be_put_back_is_named(self) -> None:
        scene = Removal()
        bad = {"lb3": ("take_reload",), "lb1": ("undo",)}
        scene.transport.failing = lambda at, node, command: command.words[0] in bad.get(node, ())
        walked = scene.walk()
        assert walked.undone == {"lb3": True, "lb1": False}
        assert drained(scene) == ["lb1"]
        undone = {e.node: e.good for e in scene.events if isinstance(e, NodeUndone)}
        assert undone == {"lb3": True, "lb1": False, "lb2": True}

    def test_the_loaded_file_is_the_old_one_again(self) -> None:
        scene = Removal()
        scene.transport.failing = lambda at, node, command: (node, command.words[0]) == ("lb2", "confirm")
        scene.walk()
        assert scene.changed() == ["lb3"]
        assert scene.transport.nodes["lb1"].state.loaded[HAPROXY] == OLD.encode()


def test_sessions_that_wait_count_too() -> None:
    text = "# pxname,svname,qcur,scur,status,\nb,one,2,3,UP,\nb,two,,,DOWN,\nb,BACKEND,0,9,UP,\n"
    assert stats.servers(text) == (ServerState("b", "one", "UP", 5), ServerState("b", "two", "DOWN", 0))
