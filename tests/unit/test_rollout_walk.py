"""The walk on nodes in memory: wherever it fails or is stopped, a node is as it was or as it shall be."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface
from itertools import groupby

import pytest

from lbctl.gather import gather_node, write_owner
from lbctl.kinds import KINDS
from lbctl.model.cluster import Cluster, ManagedFile, Node, Service, Ssh, Vip
from lbctl.model.command import Command
from lbctl.model.content import plain
from lbctl.model.effect import Effect, Impact
from lbctl.model.event import Event, NodeUndone, StepDone, StepFailed, StepStarted, Stopping
from lbctl.model.owner import Owner
from lbctl.model.plan import StepName
from lbctl.planning import election
from lbctl.planning.plan import make
from lbctl.rollout import verify
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from tests.unit.fake_node import HAPROXY, KEEPALIVED, FakeNode, FakeTransport, State, put_back

PRIORITIES = {"lb1": 102, "lb2": 101, "lb3": 100}
KEY = "00" * 32
PROXY = "frontend f\n  bind 10.0.0.9:80\n  default_backend b\nbackend b\n  server a 10.0.0.21:80\n"
VRRP = """\
track_file d {
  file /var/lib/lbctl/drain
  weight 1
}
vrrp_instance v {
  state BACKUP
  interface eth0
  virtual_router_id 47
  priority %d
  advert_int 1
  virtual_ipaddress {
    10.0.0.9
  }
  track_file {
    d
  }
}
"""


def cluster(proxy: str, impact: Impact = Impact.RELOAD) -> Cluster:
    def node(number: int, name: str) -> Node:
        files = (
            ManagedFile(
                HAPROXY, plain(proxy.encode()), daemon="haproxy", effects=(Effect("haproxy", impact),)
            ),
            ManagedFile(
                KEEPALIVED,
                plain((VRRP % PRIORITIES[name]).encode()),
                daemon="keepalived",
                effects=(Effect("keepalived", Impact.RELOAD),),
            ),
        )
        return Node(name, f"10.0.0.{number}", Ssh(name), files=files)

    nodes = tuple(node(number, name) for number, name in enumerate(PRIORITIES, 1))
    return Cluster("c", "cluster.yaml", "digest", nodes, (Vip("v", IPv4Interface("10.0.0.9/32")),))


def applied(of: Cluster) -> FakeTransport:
    """Nodes that an apply has left as this cluster says."""
    nodes = {}
    for node in of.nodes:
        files = {f.path: (f.content.data, f.mode, "root:root") for f in node.files}
        resources = [r for kind in KINDS for r in kind.desired(node, KEY)]
        owner = write_owner(Owner("c", "id", 1, "old", KEY), resources)
        loaded = {path: data for path, (data, _, _) in files.items()}
        nodes[node.name] = FakeNode(node.address, State(files, loaded, owner))
    return FakeTransport(nodes)


@dataclass
class Scene:
    """An apply of `PROXY` with another server, on nodes that have the old one."""

    impact: Impact = Impact.RELOAD
    stop_after: int = 10**6
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = applied(cluster(PROXY))
        self.before = copy.deepcopy(self.transport.nodes)
        self.new = PROXY.encode() + b"  server b 10.0.0.22:80\n"
        self.wanted = cluster(self.new.decode(), self.impact)

    def walk(self) -> Walked:
        return walk(self.run())

    def run(self) -> Run:
        gathered = {node.name: gather_node(node, self.transport) for node in self.wanted.nodes}
        plan = make(self.wanted, gathered, "2026-01-01T00:00:00Z")
        assert not [problem for problem in plan.problems if problem.level == "error"]
        return Run(
            self.wanted,
            "id",
            plan,
            self.transport,
            gathered,
            self.events.append,
            lambda: len(self.events) >= self.stop_after,
        )

    def changed(self) -> list[str]:
        """The nodes that are as desired, everything else being as it was; nothing may be in between."""
        found = []
        for name, node in self.transport.nodes.items():
            assert (node.armed, node.transaction, node.state.drain, node.staged) == ("", "", 0, None), name
            if node.state == self.before[name].state:
                continue
            assert node.state.files[HAPROXY][0] == node.state.loaded[HAPROXY] == self.new
            found.append(name)
        assert self.transport.holder() == "lb1"
        return found


def numbers() -> list[int]:
    """The numbers of the commands of a walk that succeeds; a journal line never fails."""
    scene = Scene()
    scene.walk()
    return [n for n, (_, function) in enumerate(scene.transport.calls) if function != "journal"]


class TestSuccess:
    def test_backups_before_the_master_and_each_whole(self) -> None:
        scene = Scene()
        walked = scene.walk()
        assert walked == Walked(touched=True)
        assert scene.changed() == ["lb1", "lb2", "lb3"]
        done = [(e.step.node, str(e.step.name)) for e in scene.events if isinstance(e, StepDone)]
        assert [node for node, _ in groupby(done[3:], key=lambda one: one[0])] == ["lb3", "lb2", "lb1"]
        assert [name for node, name in done if node == "lb3"] == (
            ["stage", "arm", "drain", "swap", "verify", "undrain", "confirm"]
        )
        assert [name for node, name in done if node == "lb1"] == ["stage", "arm", "swap", "verify", "confirm"]

    def test_a_restart_moves_the_vip_first(self) -> None:
        scene = Scene(impact=Impact.RESTART)
        holders = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "take_restart":
                holders.append((node, scene.transport.holder()))
            return False

        scene.transport.failing = note
        assert scene.walk() == Walked(touched=True)
        assert holders == [("lb3", "lb1"), ("lb2", "lb1"), ("lb1", "lb2")]
        assert scene.changed() == ["lb1", "lb2", "lb3"]

    def test_a_master_that_was_dead_takes_its_vip_back_from_one_that_is_still_to_come(self) -> None:
        """The VIP left lb2 by what this run did to lb1; that is no change by somebody else."""
        scene = Scene()
        scene.transport.nodes["lb1"].state.active.discard("keepalived")
        assert scene.transport.holder() == "lb2"
        run = scene.run()
        assert [n.node for n in run.plan.nodes if n.holds] == ["lb2"]
        active = scene.transport.nodes["lb1"].state.active

        def start(number: int, node: str, command: Command) -> bool:
            if (node, command.words[0]) == ("lb1", "take_reload"):
                active.add("keepalived")
            return False

        scene.transport.failing = start
        assert walk(run) == Walked(touched=True)
        assert scene.transport.holder() == "lb1"

    def test_a_vip_that_has_come_to_a_node_stops_it(self) -> None:
        """Its steps are those of a backup."""
        scene = Scene()
        run = scene.run()
        scene.transport.nodes["lb1"].state.active.discard("keepalived")
        walked = walk(run)
        assert walked.error is not None and walked.error.node == "lb2"
        assert "it has changed since the plan was made" in walked.error.summary

    def test_a_daemon_that_systemd_has_given_up_is_named_and_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(election, "settle_seconds", lambda of: 3600.0)
        scene = Scene()
        nodes = (replace(node, services=(Service("keepalived"),)) for node in scene.wanted.nodes)
        scene.wanted = replace(scene.wanted, nodes=tuple(nodes))
        run, state = scene.run(), scene.transport.nodes["lb3"].state
        state.active.discard("keepalived")
        state.failed.add("keepalived")
        walked = walk(run)
        changed = "lb3: it has changed since the plan was made: keepalived is not active"
        assert walked.error is not None and walked.error.summary == changed
        assert walked.undone == {"lb3": False}

    def test_a_vip_is_not_waited_for_on_a_node_that_has_put_itself_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has taken the VIP back: nothing will make it leave."""
        monkeypatch.setattr(election, "settle_seconds", lambda of: 0.5)
        scene = Scene(impact=Impact.RESTART)

        def late(number: int, node: str, command: Command) -> bool:
            if node == "lb1" and command.words[-2:] == ("handover", "done"):
                put_back(scene.transport.nodes["lb1"])
            return False

        scene.transport.failing = late
        walked = scene.walk()
        assert walked.error is not None and "has put itself back" in walked.error.summary
        assert scene.changed() == ["lb2", "lb3"]

    def test_what_the_undo_starts_is_what_was_active_when_the_node_was_read(self) -> None:
        """A daemon may die while its state is being kept, and would stay dead."""
        scene, kept = Scene(), set()

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] in ("save_service", "save_effect"):
                kept.add((command.words[0], command.words[1], command.words[-1]))
            return False

        scene.transport.failing = note
        scene.walk()
        services = {("save_service", unit, "active") for unit in ("haproxy", "keepalived")}
        assert kept == {*services, ("save_effect", "haproxy", "active")}

    def test_the_plan_after_it_is_empty(self) -> None:
        scene = Scene()
        scene.walk()
        gathered = {node.name: gather_node(node, scene.transport) for node in scene.wanted.nodes}
        assert make(scene.wanted, gathered, "").empty


class TestTooLate:
    @pytest.mark.parametrize(
        "step",
        [StepName.DRAIN, StepName.SWAP, StepName.VERIFY, StepName.UNDRAIN, StepName.CONFIRM],
        ids=str,
    )
    def test_a_node_that_has_put_itself_back_is_left_alone(
        self, step: StepName, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its deadline passed while lbctl was held up; what lbctl still wants of it is refused there."""
        monkeypatch.setattr(verify, "_SECONDS", 3600.0)  # nothing that is awaited of it will come
        scene = Scene()

        class Strike(list[Event]):
            def append(self, event: Event) -> None:
                super().append(event)
                if isinstance(event, StepStarted) and (event.step.node, event.step.name) == ("lb3", step):
                    put_back(scene.transport.nodes["lb3"])

        scene.events = Strike()
        walked = scene.walk()
        assert walked.undone == {"lb3": True}
        assert walked.error is not None
        assert walked.error.summary == "lb3: it was not confirmed in time, and has put itself back"
        assert scene.changed() == []


class TestFailure:
    @pytest.mark.parametrize("number", numbers())
    def test_that_node_is_undone_and_the_next_ones_untouched(self, number: int) -> None:
        scene = Scene()
        scene.transport.failing = lambda at, node, command: at == number
        walked = scene.walk()
        node, _ = scene.transport.calls[number]
        order = ["lb3", "lb2", "lb1"]
        staging = not walked.undone
        assert walked.error is not None and walked.error.node == node
        expected = [] if staging else order[: order.index(node)]
        assert scene.changed() == sorted(expected)
        assert walked.back
        failed = [event for event in scene.events if isinstance(event, StepFailed)]
        assert len(failed) == 1 and failed[0].step.node == node
        undone = [event for event in scene.events if isinstance(event, NodeUndone)]
        assert all(event.good and event.node == node for event in undone)

    def test_an_undo_that_fails_on_a_node_that_reboots_is_run_once_more(self) -> None:
        scene, undone = Scene(), []

        def failing(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "undo":
                undone.append(node)
            return command.words[0] == "take_reload" or undone == ["lb3"]

        scene.transport.failing = failing
        walked = scene.walk()
        assert walked.undone == {"lb3": True} and scene.changed() == []

    def test_a_confirm_whose_answer_is_lost_is_one_all_the_same(self) -> None:
        scene = Scene()
        scene.transport.lost = frozenset({"confirm"})
        scene.transport.failing = lambda at, node, command: (node, command.words[0]) == ("lb2", "confirm")
        assert scene.walk() == Walked(touched=True)
        assert scene.changed() == ["lb1", "lb2", "lb3"]
        assert not [event for event in scene.events if isinstance(event, StepFailed | NodeUndone)]

    def test_an_undo_that_fails_too_needs_a_person(self) -> None:
        scene = Scene()
        scene.transport.failing = lambda at, node, command: command.words[0] in ("take_reload", "undo")
        walked = scene.walk()
        assert (walked.undone, walked.touched) == ({"lb3": False}, True)


class TestCtrlC:
    @pytest.mark.parametrize("number", range(1, 45))
    def test_nothing_is_left_in_between(self, number: int) -> None:
        scene = Scene(stop_after=number)
        walked = scene.walk()
        changed = scene.changed()
        assert walked.back and walked.error is None
        assert changed == sorted(["lb3", "lb2", "lb1"][: len(changed)])
        assert walked.interrupted == (len(changed) < 3)
        assert sum(isinstance(event, Stopping) for event in scene.events) <= 1
