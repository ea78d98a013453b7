"""restart on nodes in memory: its plan, what refuses it, and what is left wherever it fails."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import pytest

from lbctl.cli.restart import _units, _wish
from lbctl.errors import UsageError
from lbctl.model.change import Action
from lbctl.model.command import Command
from lbctl.model.effect import Effect, Impact
from lbctl.model.event import Event, StepDone
from lbctl.model.plan import Plan, StepName
from lbctl.model.restart import NO_RESTART, Restart
from lbctl.planning.plan import make, same_inputs
from lbctl.rollout import verify
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from lbctl.views.human import HumanView
from tests.unit.fake_node import HAPROXY, FakeNode
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_planning import gathered
from tests.unit.test_rollout_checks import NODE, facts, reloaded
from tests.unit.test_rollout_walk import PROXY, applied, cluster

ORDER = ["lb3", "lb2", "lb1"]
BOTH = Restart(("haproxy", "keepalived"))
WISH = Restart(("haproxy",))
NEW = PROXY + "  server b 10.0.0.22:80\n"


def plan(transport: FakeTransport, wish: Restart = WISH, file: str = PROXY) -> Plan:
    of = cluster(file)
    return make(of, gathered(of, transport), "2026-01-01T00:00:00Z", (), wish)


def refusals(made: Plan, *allowed: str) -> list[tuple[str, str]]:
    return [(problem.code, problem.text) for problem in made.refused(allowed)]


@pytest.fixture
def transport() -> FakeTransport:
    return applied(cluster(PROXY))


class TestPlan:
    def test_each_daemon_is_a_change_of_each_node(self, transport: FakeTransport) -> None:
        made = plan(transport, BOTH)
        assert [str(change.address) for change in made.changes] == [
            f"{node}/service/{unit}" for node in ("lb1", "lb2", "lb3") for unit in BOTH.units
        ]
        assert {(c.action, c.impact, c.differences) for c in made.changes} == {
            (Action.RESTART, Impact.RESTART, ())
        }
        assert not made.refused(())

    def test_the_steps_are_those_of_an_apply_and_the_record_stays(self, transport: FakeTransport) -> None:
        made = plan(transport)
        turns = [
            (node, [step.name for step in steps]) for node, steps in groupby(made.steps, lambda s: s.node)
        ]
        assert turns[:3] == [(node, [StepName.STAGE]) for node in ORDER[:2]] + [("lb1", [StepName.STAGE])]
        names = [
            StepName.ARM,
            StepName.DRAIN,
            StepName.SWAP,
            StepName.VERIFY,
            StepName.UNDRAIN,
            StepName.CONFIRM,
        ]
        assert turns[3:5] == [("lb3", names), ("lb2", names)]
        assert turns[5] == ("lb1", [StepName.HANDOVER if n is StepName.DRAIN else n for n in names])
        texts = {step.name: step.text for step in made.steps}
        assert texts[StepName.SWAP] == "restart haproxy"
        assert texts[StepName.CONFIRM] == "disarm the undo"

    def test_haproxy_stands_when_keepalived_begins(self, transport: FakeTransport) -> None:
        made = plan(transport, Restart(("keepalived", "haproxy")))
        assert {s.text for s in made.steps if s.name is StepName.SWAP} == {
            "restart haproxy, restart keepalived"
        }

    def test_named_nodes_alone(self, transport: FakeTransport) -> None:
        made = plan(transport, Restart(("keepalived",), ("lb2",)))
        assert {step.node for step in made.steps} == {"lb2"}

    def test_what_it_costs_is_said(self, transport: FakeTransport) -> None:
        codes = [problem.code for problem in plan(transport).problems]
        assert codes == ["plain-handover"]
        assert not plan(transport, Restart(("haproxy",), ("lb2", "lb3"))).problems

    def test_a_drained_node_is_neither_drained_nor_undrained(self, transport: FakeTransport) -> None:
        transport.nodes["lb2"].state.drain = -253
        steps = {step.name for step in plan(transport).steps if step.node == "lb2"}
        assert not steps & {StepName.DRAIN, StepName.HANDOVER, StepName.UNDRAIN}

    def test_the_last_serving_node_has_to_be_allowed(self, transport: FakeTransport) -> None:
        for name in ("lb2", "lb3"):
            transport.nodes[name].state.drain = -253
        made = plan(transport, Restart(("haproxy",), ("lb1",)))
        assert [code for code, _ in refusals(made)] == ["last-node"]
        assert not made.refused({"last-node"})

    def test_no_handover_where_the_file_says_never(self, transport: FakeTransport) -> None:
        of = replace(cluster(PROXY), handover="never")
        made = make(of, gathered(of, transport), "", (), WISH)
        assert StepName.HANDOVER not in {step.name for step in made.steps}

    def test_a_node_that_is_left_out_misses_nothing(self, transport: FakeTransport) -> None:
        of = cluster(PROXY).without(["lb3"])
        made = make(of, gathered(of, transport), "", (), WISH)
        assert not made.refused(()) and {c.address.node for c in made.changes} == {"lb1", "lb2"}

    def test_it_is_stale_when_its_inputs_have_moved(self, transport: FakeTransport) -> None:
        made = plan(transport)
        assert same_inputs(made, plan(transport)) == ()
        transport.nodes["lb1"].state.drain = -253
        assert any("lb1" in words for words in same_inputs(made, plan(transport)))

    def test_another_wish_is_another_plan(self, transport: FakeTransport) -> None:
        assert same_inputs(plan(transport), plan(transport, NO_RESTART))

    def test_a_person_reads_it(self, transport: FakeTransport) -> None:
        out = io.StringIO()
        HumanView(out, out).plan(plan(transport))
        said = out.getvalue()
        assert "  ! service/haproxy  lb1, lb2, lb3  (restart haproxy)\n" in said
        assert "what haproxy reads; checked by the daemons themselves" in said
        assert said.endswith("Plan: 3 restarts. 3 nodes: lb3, lb2, then lb1 (MASTER).\n")


class TestRefused:
    def test_what_was_changed_by_hand_is_not_loaded(self, transport: FakeTransport) -> None:
        for name in ("lb1", "lb3"):
            transport.nodes[name].state.files[HAPROXY] = (b"by hand\n", "0644", "root:root")
        made = plan(transport)
        assert refusals(made, "drift", "last-node") == [
            ("not-applied", f"lb1, lb3: is not as the cluster file says: file{HAPROXY} (changed by hand)")
        ]
        assert {change.address.node for change in made.changes} == {"lb2"}

    def test_what_is_pending_is_not_taken_along(self, transport: FakeTransport) -> None:
        made = plan(transport, file=NEW)
        assert refusals(made) == [
            ("not-applied", f"lb1, lb2, lb3: is not as the cluster file says: file{HAPROXY}")
        ]
        assert "lbctl apply" in made.problems[0].mend

    def test_other_nodes_changes_are_no_matter(self, transport: FakeTransport) -> None:
        transport.nodes["lb3"].state.files[HAPROXY] = (b"by hand\n", "0644", "root:root")
        made = plan(transport, Restart(("haproxy",), ("lb2",)))
        assert not made.refused(()) and {c.address.node for c in made.changes} == {"lb2"}

    def test_what_is_only_to_be_recorded_hinders_nothing(self, transport: FakeTransport) -> None:
        for fake in transport.nodes.values():
            fake.state.files[HAPROXY] = (NEW.encode(), "0644", "root:root")
        made = plan(transport, file=NEW)
        assert not made.refused(()) and {c.action for c in made.changes} == {Action.RESTART}

    def test_a_daemon_that_does_not_run(self, transport: FakeTransport) -> None:
        transport.nodes["lb3"].state.active.discard("keepalived")
        made = plan(transport, BOTH)
        assert refusals(made) == [
            ("inactive", "lb3: keepalived does not run, so there is nothing to restart")
        ]
        assert "lbctl apply" in made.refused(())[0].mend


@dataclass
class Scene:
    """A restart on nodes in memory."""

    wish: Restart = BOTH
    stop_after: int = 10**6
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = applied(cluster(PROXY))
        self.before = copy.deepcopy(self.transport.nodes)

    def walk(self) -> Walked:
        of = cluster(PROXY)
        found = gathered(of, self.transport)
        made = make(of, found, "2026-01-01T00:00:00Z", (), self.wish)
        stop = self.stop_after
        run = Run(of, "id", made, self.transport, found, self.events.append, lambda: len(self.events) >= stop)
        return walk(run)

    def restarted(self) -> list[str]:
        """The nodes whose daemons all are new; everything else is as it was on every node."""
        for name, node in self.transport.nodes.items():
            assert (node.armed, node.transaction, node.staged) == ("", "", None), name
            assert node.state == self.before[name].state, name
        assert self.transport.holder() == "lb1"
        new = {name: [node.main[unit] > 1 for unit in self.wish.units] for name, node in self.nodes.items()}
        return sorted(name for name, daemons in new.items() if all(daemons))

    @property
    def nodes(self) -> dict[str, FakeNode]:
        return self.transport.nodes


def numbers() -> list[int]:
    """The numbers of the commands of a restart that succeeds; a journal line never fails."""
    scene = Scene()
    scene.walk()
    return [n for n, (_, function) in enumerate(scene.transport.calls) if function != "journal"]


class TestWalk:
    def test_everything_but_the_processes_is_as_it_was(self) -> None:
        scene = Scene()
        assert scene.walk() == Walked(touched=True)
        assert scene.restarted() == ["lb1", "lb2", "lb3"]
        done = [(e.step.node, str(e.step.name)) for e in scene.events if isinstance(e, StepDone)]
        assert [node for node, name in done if name == "swap"] == ORDER
        assert "write_owner" not in {function for _, function in scene.transport.calls}

    def test_the_vip_is_elsewhere_while_its_holder_restarts(self) -> None:
        scene = Scene()
        holders = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "take_restart":
                holders.append((node, command.words[1], scene.transport.holder()))
            return False

        scene.transport.failing = note
        scene.walk()
        assert [(node, unit) for node, unit, _ in holders] == [(n, u) for n in ORDER for u in BOTH.units]
        assert all(node != holder for node, _, holder in holders)

    def test_the_daemons_look_at_their_files_before_any_is_stopped(self) -> None:
        scene = Scene()
        scene.walk()
        functions = [function for _, function in scene.transport.calls]
        assert functions.count("check_stage") == 3
        assert max(n for n, f in enumerate(functions) if f == "check_stage") < functions.index("arm")

    def test_the_undo_restarts_nothing(self) -> None:
        """It would cut what has begun on the new process, or on one that was never touched."""
        scene = Scene()
        scene.walk()
        functions = {function for _, function in scene.transport.calls}
        assert "save_effect" not in functions and "save_service" in functions

    @pytest.mark.parametrize("number", numbers())
    def test_wherever_it_fails_the_next_nodes_are_untouched(self, number: int) -> None:
        scene = Scene()
        scene.transport.failing = lambda at, node, command: at == number
        walked = scene.walk()
        node, _ = scene.transport.calls[number]
        assert walked.error is not None and walked.error.node == node and walked.back
        scene.restarted()
        reached = ORDER[: ORDER.index(node) + 1] if walked.undone else []
        for name, fake in scene.nodes.items():
            assert name in reached or fake.main == scene.before[name].main

    def test_a_configuration_that_is_refused_stops_no_daemon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene()
        monkeypatch.setattr("lbctl.rollout.stage.complaints", lambda *_, gone: ("[ALERT] no such file",))
        walked = scene.walk()
        assert not walked.touched and walked.error is not None
        assert "haproxy refuses its configuration as it is" in walked.error.summary
        assert "no daemon was stopped" in walked.error.mend
        assert {function for _, function in scene.transport.calls} == {
            "stage_begin",
            "check_stage",
            "stage_end",
        }

    @pytest.mark.parametrize("number", range(1, 45))
    def test_ctrl_c_leaves_nothing_half_done(self, number: int) -> None:
        scene = Scene(stop_after=number)
        walked = scene.walk()
        done = scene.restarted()
        assert walked.back and walked.error is None
        assert done == sorted(ORDER[: len(done)])
        untouched = [name for name, fake in scene.nodes.items() if fake.main == scene.before[name].main]
        assert sorted([*done, *untouched]) == ["lb1", "lb2", "lb3"]


class TestVerify:
    EFFECTS = (Effect("haproxy", Impact.RESTART),)

    def test_a_new_process_is_needed(self) -> None:
        now = reloaded()
        assert list(verify.complaints(NODE, facts(), now, self.EFFECTS, ())) == [
            "haproxy was not restarted: its main process is still 1"
        ]
        daemons = tuple(replace(d, main_pid=7) for d in now.daemons)
        assert list(verify.complaints(NODE, facts(), replace(now, daemons=daemons), self.EFFECTS, ())) == []

    def test_none_is_no_new_one(self) -> None:
        dead = tuple(replace(d, main_pid=0, active=False) for d in facts().daemons)
        found = verify.complaints(NODE, facts(), replace(reloaded(), daemons=dead), self.EFFECTS, ())
        assert "haproxy is not active" in list(found)


class TestWords:
    @pytest.mark.parametrize(
        ("words", "units", "nodes"),
        [
            (["haproxy"], ("haproxy",), ()),
            (["keepalived", "lb2"], ("keepalived",), ("lb2",)),
            (["haproxy", "keepalived", "haproxy", "lb1", "lb1"], ("haproxy", "keepalived"), ("lb1",)),
        ],
    )
    def test_daemons_then_nodes(self, words: Sequence[str], units: object, nodes: object) -> None:
        first = _units(words)
        wish = _wish(cluster(PROXY), first, words[len(first) :])
        assert (wish.units, wish.nodes) == (units, nodes)

    @pytest.mark.parametrize(
        ("words", "said"),
        [(["haprox"], "did you mean haproxy?"), (["lb1", "haproxy"], "it takes haproxy or keepalived")],
    )
    def test_no_daemon(self, words: Sequence[str], said: str) -> None:
        with pytest.raises(UsageError) as raised:
            _units(words)
        assert said in raised.value.mend

    def test_no_node(self) -> None:
        with pytest.raises(UsageError) as raised:
            _wish(cluster(PROXY), ("haproxy",), ("lb11",))
        assert "did you mean lb1?" in raised.value.mend

    def test_a_node_that_is_left_out(self) -> None:
        with pytest.raises(UsageError, match="both"):
            _wish(cluster(PROXY).without(["lb3"]), ("haproxy",), ("lb3",))

    def test_as_it_was_asked_for(self) -> None:
        assert str(replace(BOTH, nodes=("lb2",))) == "restart haproxy keepalived lb2"
        assert BOTH and not NO_RESTART
