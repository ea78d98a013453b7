"""A connection that is lost in the middle of an apply: a new one, and the node put back; or what is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from lbctl.errors import LockedError, UnreachableError
from lbctl.gather import gather_node
from lbctl.model.command import Command
from lbctl.model.event import ConnectionLost, Event, NodeUndone, Reconnected, StepStarted
from lbctl.model.facts import Facts
from lbctl.model.plan import StepName
from lbctl.rollout import reconnect
from lbctl.rollout.reconnect import looked_again
from lbctl.rollout.walk import Walked
from tests.unit.fake_node import put_back
from tests.unit.test_rollout_walk import Scene

MIDDLE = (StepName.ARM, StepName.DRAIN, StepName.SWAP, StepName.VERIFY, StepName.UNDRAIN, StepName.CONFIRM)


class Strike(list[Event]):
    """The events of a run; when this step of lb3 begins, something happens first."""

    def __init__(self, step: StepName, then: Callable[[], None]) -> None:
        self.step, self.then = step, then

    def append(self, event: Event) -> None:
        super().append(event)
        if isinstance(event, StepStarted) and (event.step.node, event.step.name) == ("lb3", self.step):
            self.then()


@dataclass
class Cut(Scene):
    """lb3 is cut off when a step of its turn begins; `healing` = it has put itself back before it answers."""

    step: StepName = StepName.SWAP
    healing: bool = False
    tries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events = Strike(self.step, self.cut)

    def cut(self) -> None:
        self.transport.cut.add("lb3")
        if self.healing:
            put_back(self.transport.nodes["lb3"])

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "_PAUSE", 0.0)


class TestComesBack:
    @pytest.mark.parametrize("healing", [False, True])
    @pytest.mark.parametrize("step", MIDDLE, ids=str)
    def test_the_node_is_undone_and_the_others_untouched(self, step: StepName, healing: bool) -> None:
        scene = Cut(step=step, healing=healing)
        walked = scene.walk()
        assert (walked.undone, walked.touched) == ({"lb3": True}, True)
        assert scene.changed() == []
        assert [event.good for event in scene.events if isinstance(event, Reconnected)] == [True]
        undone = [event for event in scene.events if isinstance(event, NodeUndone)]
        assert [event.good for event in undone] == [True]
        itself = healing and step is not StepName.ARM  # cut off before that, it had nothing to put back
        assert undone[0].text == ("it had put itself back" if itself else "back as it was")

    def test_a_confirm_whose_answer_is_lost_with_the_connection(self) -> None:
        scene = Scene()
        node = scene.transport.nodes["lb3"]

        def cut(number: int, name: str, command: object) -> bool:
            lost = name == "lb3" and bool(node.confirmed)
            if lost:
                scene.transport.cut.add("lb3")
                scene.transport.failing = lambda *_: False
            return lost

        scene.transport.failing = cut
        assert scene.walk() == Walked(touched=True)
        assert scene.changed() == ["lb1", "lb2", "lb3"]

    def test_a_node_on_its_way_into_a_reboot_refuses_its_undo_for_a_while(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene = Scene()
        refused = []

        def going_down(number: int, node: str, command: Command) -> bool:
            if node != "lb3" or command.words[0] not in ("take_reload", "undo"):
                return False
            scene.transport.stopping.add("lb3")
            refused.append(command.words[0])
            if len(refused) == 4:
                scene.transport.cut.add("lb3")
                scene.transport.failing = lambda *_: False
            return True

        scene.transport.failing = going_down
        scene.transport.connecting = scene.transport.stopping.discard
        monkeypatch.setattr("lbctl.rollout.undo._POLL", 0.0)
        walked = scene.walk()
        assert refused == ["take_reload", "undo", "undo", "undo"]
        assert walked.back and scene.changed() == []

    def test_it_takes_a_few_tries(self) -> None:
        scene = Cut()

        def connecting(node: str) -> None:
            scene.tries.append(node)
            if len(scene.tries) < 4:
                raise UnreachableError(node, "cannot be reached")

        scene.transport.connecting = connecting
        walked = scene.walk()
        assert walked.back and scene.changed() == []
        assert scene.tries == ["lb3"] * 4

    def test_while_it_is_staged(self) -> None:
        """Nothing was touched; its candidates go all the same."""
        scene = Cut(step=StepName.STAGE)
        walked = scene.walk()
        assert not walked.touched and walked.error is not None
        assert scene.changed() == []


class TestDoesNot:
    def test_the_waiting_is_bounded_and_done_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reconnect, "whole_turn", lambda run: 0)
        for room in ("undo", "confirm"):
            monkeypatch.setattr(f"lbctl.rollout.{room}.whole_turn", lambda run: 0)
        scene = Cut(step=StepName.CONFIRM)
        scene.transport.connecting = _nobody
        walked = scene.walk()
        assert walked.undone == {"lb3": False}
        assert scene.count(ConnectionLost) == scene.count(Reconnected) == 1
        undone = [event for event in scene.events if isinstance(event, NodeUndone)]
        assert "puts itself back within 120 s of its arm, or at its boot" in undone[0].text

    def test_ctrl_c_ends_the_waiting(self) -> None:
        """Until then a person was told how long it takes: the node's own deadline, its undo, a boot."""
        scene = Cut()

        def connecting(node: str) -> None:
            scene.tries.append(node)
            scene.stop_after = 0 if len(scene.tries) == 3 else scene.stop_after
            _nobody(node)

        scene.transport.connecting = connecting
        assert not scene.walk().back
        assert scene.tries == ["lb3"] * 3
        assert [event.seconds for event in scene.events if isinstance(event, ConnectionLost)] == [300]

    def test_somebody_else_has_got_its_lock(self) -> None:
        scene = Cut()

        def connecting(node: str) -> None:
            scene.tries.append(node)
            raise LockedError(node, "somebody else is at work on it", detail="ops@far apply of plan 7")

        scene.transport.connecting = connecting
        walked = scene.walk()
        assert not walked.back and scene.tries == ["lb3"]
        undone = [event for event in scene.events if isinstance(event, NodeUndone)]
        assert "ops@far apply of plan 7" in undone[0].text


class TestAtTheEnd:
    """What the report says of a node is asked again where it is down for a moment."""

    def test_a_daemon_that_systemd_is_starting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene()
        run, active = scene.run(), scene.transport.nodes["lb2"].state.active
        active.discard("haproxy")
        down = gather_node(run.node("lb2"), scene.transport)
        monkeypatch.setattr(reconnect, "_pause", lambda *_: active.add("haproxy"))
        found = looked_again(run, "lb2", down)
        assert isinstance(found, Facts) and found.active("haproxy")

    def test_a_node_on_its_way_into_a_reboot(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene()
        run, active = scene.run(), scene.transport.nodes["lb2"].state.active
        active.discard("haproxy")
        down = gather_node(run.node("lb2"), scene.transport)
        pauses = [lambda: scene.transport.cut.add("lb2"), lambda: active.add("haproxy")]
        monkeypatch.setattr(reconnect, "_pause", lambda *_: pauses.pop(0)())
        found = looked_again(run, "lb2", down)
        assert isinstance(found, Facts) and found.active("haproxy")

    def test_one_that_is_given_up_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene()
        run = scene.run()
        facts = gather_node(run.node("lb2"), scene.transport)
        dead = replace(facts, daemons=tuple(replace(d, active=False, failed=True) for d in facts.daemons))
        monkeypatch.setattr(reconnect, "_pause", pytest.fail)
        assert looked_again(run, "lb2", dead) is dead

    def test_it_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reconnect, "AT_REST", 0)
        scene = Scene()
        run = scene.run()
        gone = UnreachableError("lb2", "the connection is gone")
        assert looked_again(run, "lb2", gone) is gone


def _nobody(node: str) -> None:
    raise UnreachableError(node, "cannot be reached")
