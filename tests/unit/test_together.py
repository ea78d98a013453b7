"""What VRRP peers compare is taken by all running nodes at one instant, or by none."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field, replace

import pytest

from lbctl.errors import UnreachableError
from lbctl.keepalived import parse
from lbctl.keepalived.views import instances
from lbctl.model.change import Change
from lbctl.model.cluster import Cluster
from lbctl.model.command import Command
from lbctl.model.effect import Scope
from lbctl.model.event import Event, NodeUndone, StepDone, Taken
from lbctl.model.plan import Plan, Step, StepName
from lbctl.planning.instant import Renewed, election_seconds, renewed
from lbctl.planning.plan import make
from lbctl.rollout import reconnect
from lbctl.rollout import run as rollout
from lbctl.rollout.run import CONFIRM_WITHIN, Run, taken_together
from lbctl.rollout.undo_together import put_back_together
from lbctl.rollout.walk import Walked, walk
from tests.unit.fake_node import KEEPALIVED, FakeTransport, put_back
from tests.unit.test_planning import changed_vrrp, codes, gathered
from tests.unit.test_rollout_walk import PROXY, applied, cluster

NODES = ("lb3", "lb2", "lb1")
ROUTER = (b"virtual_router_id 47", b"virtual_router_id 48")
SECOND = (b"    10.0.0.9\n", b"    10.0.0.9\n    10.0.0.8\n")
UNIT = (StepName.ARM, StepName.SWAP, StepName.TAKE, StepName.VERIFY, StepName.CONFIRM)


def another_router(proxy: str = PROXY) -> Cluster:
    return changed_vrrp(cluster(proxy), *ROUTER)


def routers(transport: FakeTransport) -> dict[str, int]:
    """What each running keepalived has loaded."""
    loaded = {name: node.state.loaded[KEEPALIVED] for name, node in transport.nodes.items()}
    return {name: instances(parse(data))[0].virtual_router_id for name, data in loaded.items()}


def steps(made: Plan) -> list[tuple[str, str, bool]]:
    return [(str(step.name), step.node, step.together) for step in made.steps]


class TestPlan:
    def test_one_unit_step_by_step_on_all_nodes(self) -> None:
        new = another_router()
        made = make(new, gathered(new, applied(cluster(PROXY))), "")
        assert steps(made) == [
            *(("stage", node, False) for node in NODES),
            *((str(name), node, True) for name in UNIT for node in NODES),
        ]
        assert codes(made) == []

    def test_after_everything_else_has_been_changed_node_by_node(self) -> None:
        new = another_router(PROXY + "  server b 10.0.0.22:80\n")
        made = make(new, gathered(new, applied(cluster(PROXY))), "")
        apart = [step for step in made.steps[3:] if not step.together]
        assert [step.node for step in apart if step.name is StepName.CONFIRM] == list(NODES)
        assert all(step.together for step in made.steps[3 + len(apart) :])

    def test_a_node_that_is_yet_to_be_started_comes_after_it(self) -> None:
        transport, new = applied(cluster(PROXY)), another_router()
        transport.nodes["lb3"].state.active.discard("keepalived")
        made = make(new, gathered(new, transport), "")
        last = [index for index, step in enumerate(made.steps) if step.together][-1]
        assert {step.node for step in made.steps if step.together} == {"lb1", "lb2"}
        assert {step.node for step in made.steps[last + 1 :]} == {"lb3"}

    def test_a_node_that_does_not_hear_the_others_joins_them_alone(self) -> None:
        transport = applied(cluster(PROXY))
        state = transport.nodes["lb2"].state
        data, mode, owner = state.files[KEEPALIVED]
        state.files[KEEPALIVED] = (data.replace(*ROUTER), mode, owner)
        made = make(cluster(PROXY), gathered(cluster(PROXY), transport), "")
        assert not [step for step in made.steps if step.together]
        assert codes(made) == ["drift"]

    def test_a_node_that_is_left_out_would_hold_the_vip_as_well(self) -> None:
        transport, new = applied(cluster(PROXY)), another_router().without(["lb3"])
        assert codes(make(new, gathered(new, transport), "")) == ["split", "partial"]

    def test_without_a_drain_file_the_holder_has_to_be_the_one_that_is_elected_and_clearly(self) -> None:
        old = changed_vrrp(cluster(PROXY), b"  track_file {\n    d\n  }\n", b"")
        new = changed_vrrp(old, *ROUTER)
        transport = applied(old)
        assert codes(make(new, gathered(new, transport), "")) == ["split"]
        higher = changed_vrrp(new, b"priority 102", b"priority 150")
        assert codes(make(higher, gathered(higher, transport), "")) == []

    def test_a_node_that_holds_another_vip_cannot_be_held_out(self) -> None:
        both = changed_vrrp(cluster(PROXY), *SECOND)
        transport = applied(both)
        new = changed_vrrp(both, *ROUTER)
        found = gathered(new, transport)
        found["lb2"] = replace(found["lb2"], held=frozenset({"10.0.0.8"}))
        assert codes(make(new, found, "")) == ["split", "split"]
        assert codes(make(new, gathered(new, transport), "")) == []


@dataclass
class Scene:
    """An apply of another virtual router, with or without a change of HAProxy's as well."""

    proxy: str = PROXY
    stop_after: int = 10**6
    confirm_within: int = CONFIRM_WITHIN
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = applied(cluster(PROXY))
        self.before = copy.deepcopy(self.transport.nodes)

    def walk(self) -> Walked:
        new = another_router(self.proxy)
        found = gathered(new, self.transport)
        run = Run(
            new,
            "id",
            make(new, found, "2026-01-01T00:00:00Z"),
            self.transport,
            found,
            self.events.append,
            lambda: len(self.events) >= self.stop_after,
            self.confirm_within,
        )
        return walk(run)

    def all_or_none(self) -> bool:
        """Have all nodes taken it? False = none has. Nothing may be in between, and nothing left behind."""
        for name, node in self.transport.nodes.items():
            assert (node.armed, node.transaction, node.state.drain, node.staged) == ("", "", 0, None), name
            assert node.state.loaded[KEEPALIVED] == node.state.files[KEEPALIVED][0], name
        found = set(routers(self.transport).values())
        assert len(found) == 1, routers(self.transport)
        return found == {48}

    def done(self) -> list[Step]:
        return [event.step for event in self.events if isinstance(event, StepDone)]


def functions() -> list[tuple[str, str]]:
    """Node and function of the commands of a walk that succeeds; a journal line never fails."""
    scene = Scene()
    scene.walk()
    return sorted({call for call in scene.transport.calls if call[1] != "journal"})


class TestWalk:
    def test_all_take_it(self) -> None:
        scene = Scene()
        assert scene.walk() == Walked(touched=True)
        assert scene.all_or_none()
        assert [event.nodes for event in scene.events if isinstance(event, Taken)] == [NODES]
        names = [step.name for step in scene.done()]
        assert names == [name for name in (StepName.STAGE, *UNIT) for _ in NODES]

    def test_with_another_change_before_it(self) -> None:
        scene = Scene(PROXY + "  server b 10.0.0.22:80\n")
        assert scene.walk() == Walked(touched=True)
        assert scene.all_or_none()
        assert {step.node for step in scene.done() if not step.together} == set(NODES)
        again = gathered(another_router(scene.proxy), scene.transport)
        assert make(another_router(scene.proxy), again, "").empty

    @pytest.mark.parametrize(("node", "function"), functions())
    def test_whatever_fails_they_are_alike(self, node: str, function: str) -> None:
        scene = Scene()
        fell: list[int] = []

        def failing(number: int, at: str, command: Command) -> bool:
            if (at, command.words[0]) == (node, function) and not fell:
                fell.append(number)
                return True
            return False

        scene.transport.failing = failing
        walked = scene.walk()
        assert walked.error is not None and walked.error.node == node
        assert not scene.all_or_none() and walked.back
        assert all(event.good for event in scene.events if isinstance(event, NodeUndone))
        for name, found in scene.transport.nodes.items():
            assert found.state == scene.before[name].state

    def test_none_is_confirmed_before_all_are_ready(self) -> None:
        scene = Scene()
        scene.walk()
        calls = [(node, function) for node, function in scene.transport.calls if node in NODES]
        first = min(calls.index((node, "confirm")) for node in NODES)
        last = max(index for index, (_, function) in enumerate(calls) if function == "write_owner")
        assert last < first

    def test_one_that_was_confirmed_goes_back_with_those_that_were_not(self) -> None:
        scene = Scene()
        scene.transport.failing = lambda number, node, command: (node, command.words[0]) == ("lb2", "confirm")
        walked = scene.walk()
        assert walked.undone == dict.fromkeys(NODES, True)
        assert ("lb3", "rearm") in scene.transport.calls
        assert not scene.all_or_none()

    @pytest.mark.parametrize("stop", range(1, 34))
    def test_wherever_it_is_interrupted_they_are_alike(self, stop: int) -> None:
        scene = Scene(PROXY + "  server b 10.0.0.22:80\n", stop_after=stop)
        walked = scene.walk()
        assert walked.back
        scene.all_or_none()


class TestLate:
    def test_one_that_is_reached_after_the_instant_is_looked_at_then(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The others wait for the instant that all know; no person is called to one that is back alone."""
        monkeypatch.setattr(rollout, "UNDO_SECONDS", 0)
        monkeypatch.setattr(reconnect, "_PAUSE", 0.05)
        scene = Scene(confirm_within=1)
        nodes, began, undone = scene.transport.nodes, time.monotonic(), []

        def fails(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "undo":
                undone.append(time.monotonic() - began)
            if (node, command.words[0]) == ("lb2", "take_together"):
                scene.transport.cut.add("lb2")
                return True
            return False

        def connecting(node: str) -> None:
            if time.monotonic() - began < 2.5:
                raise UnreachableError(node, "cannot be reached")
            put_back(nodes[node])

        scene.transport.failing, scene.transport.connecting = fails, connecting
        walked = scene.walk()
        assert walked.undone == dict.fromkeys(NODES, True) and not scene.all_or_none()
        assert min(undone) > 1 and ("lb2", "undo") in scene.transport.calls


class TestLittleTimeLeft:
    @pytest.fixture
    def scene(self, monkeypatch: pytest.MonkeyPatch) -> Scene:
        """So late that a node may put itself back before it is told anything."""
        monkeypatch.setattr(rollout, "UNDO_SECONDS", 0)
        return Scene(confirm_within=1)

    def test_none_is_confirmed(self, scene: Scene) -> None:
        walked = scene.walk()
        assert walked.error is not None and "too little of the time" in walked.error.summary
        assert not [call for call in scene.transport.calls if call[1] == "confirm"]
        assert walked.undone == dict.fromkeys(NODES, True) and not scene.all_or_none()

    def test_they_put_back_at_the_instant_that_all_know(self, scene: Scene) -> None:
        ways: list[tuple[str, ...]] = []

        def failing(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "undo":
                ways.append(command.words[1:])
            return False

        scene.transport.failing = failing
        scene.walk()
        assert ways == [()] * len(NODES)

    def test_those_that_are_back_already_are_not_waited_for(self, scene: Scene) -> None:
        ways: list[str] = []

        def failing(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "undo":
                ways.append(command.words[1])
            if command.words[0] == "take_together":
                put_back(scene.transport.nodes[node])
                return True
            return False

        scene.transport.failing = failing
        walked = scene.walk()
        assert walked.undone == dict.fromkeys(NODES, True) and not scene.all_or_none()
        assert ways == ["at"] * len(NODES)


class TestCutOff:
    @pytest.mark.parametrize("confirmed", [(), ("lb1",), ("lb3", "lb2")])
    def test_the_next_apply_puts_all_back_at_one_instant(self, confirmed: tuple[str, ...]) -> None:
        """lbctl died after all had taken it, and some were confirmed already."""
        scene, dead = Scene(), RuntimeError("killed")

        def dies(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "confirm" and node not in confirmed:
                raise dead
            return False

        scene.transport.failing = dies
        with pytest.raises(RuntimeError):
            scene.walk()
        scene.transport.failing = lambda number, node, command: False
        found = gathered(another_router(), scene.transport)
        armed = {facts.armed for facts in found.values()} - {""}
        assert len(armed) == 1 and taken_together(armed.copy().pop())
        plan = make(another_router(), found, "")
        put_back_together(
            Run(another_router(), "", plan, scene.transport, found, lambda event: None), armed.pop()
        )
        for name, node in scene.transport.nodes.items():
            assert (node.state, node.armed) == (scene.before[name].state, ""), name


INSTANCE = """\
vrrp_instance {name} {{
  interface eth0
  virtual_router_id {router}
  advert_int {interval}
  {peers}
  virtual_ipaddress {{
    {vips}
  }}
}}
"""


def text(
    name: str = "v", router: int = 1, interval: int = 1, peers: str = "", vips: str = "10.0.0.9"
) -> bytes:
    return INSTANCE.format(name=name, router=router, interval=interval, peers=peers, vips=vips).encode()


def change(before: bytes, after: bytes) -> Change:
    """The change of keepalived's file on one node, from what it is to what it shall be."""
    old = changed_vrrp(
        cluster(PROXY), applied(cluster(PROXY)).nodes["lb1"].state.files[KEEPALIVED][0], before
    )
    new = changed_vrrp(old, before, after)
    found = make(new, gathered(new, applied(old)), "").of("lb1")
    return next(one for one in found if one.address.name == KEEPALIVED)


PEERS = "unicast_peer {\n 10.0.0.2\n }"


class TestRenewed:
    @pytest.mark.parametrize(
        ("after", "held"),
        [
            (text(interval=2), []),
            (text(vips="10.0.0.9\n 10.0.0.8"), []),
            (text(name="w"), []),
            (text(router=2), ["10.0.0.9"]),
            (text(peers=PEERS), ["10.0.0.9"]),
            (text(router=2, vips="10.0.0.8"), []),
            (text(router=2, vips="10.0.0.9/24"), []),
            (text(router=2, vips="10.0.0.9 dev eth1"), []),
        ],
    )
    def test_which_vips_keepalived_drops_and_elects_anew(self, after: bytes, held: list[str]) -> None:
        found = change(text(), after)
        assert [vip.address for vip in renewed(found)] == held
        assert found.scope is Scope.CLUSTER

    def test_both_names_of_its_instance_are_known(self) -> None:
        assert renewed(change(text(), text(name="w", router=2))) == (Renewed("10.0.0.9", 32, ("v", "w")),)

    def test_how_long_that_may_take_there_and_back(self) -> None:
        assert election_seconds(change(text(interval=3), text(router=2))) == 13.5
