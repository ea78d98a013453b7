"""A walked upgrade on nodes in memory: what it leaves, wherever it fails."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import pytest

from lbctl import haproxy
from lbctl.haproxy.additions import NAMES as ADDITIONS
from lbctl.haproxy.additions import add
from lbctl.model.command import Command
from lbctl.model.event import Event, NodeUndone, StepDone
from lbctl.rollout.run import Run
from lbctl.rollout.stage import Verdict
from lbctl.rollout.walk import Walked, walk
from tests.unit.test_planning import gathered
from tests.unit.test_rollout_walk import PROXY, cluster
from tests.unit.test_upgrade import NAMES, NEW, OLD, ORDER, nodes, plan


@dataclass
class Scene:
    """An upgrade on nodes in memory."""

    stop_after: int = 10**6
    events: list[Event] = field(default_factory=list)
    proxy: str = PROXY

    def __post_init__(self) -> None:
        self.transport = nodes(self.proxy)
        self.before = copy.deepcopy(self.transport.nodes)

    def walk(self) -> Walked:
        of = cluster(self.proxy)
        found, made = gathered(of, self.transport), plan(self.transport, of=of)
        stop = self.stop_after
        run = Run(of, "id", made, self.transport, found, self.events.append, lambda: len(self.events) >= stop)
        return walk(run)

    def upgraded(self) -> list[str]:
        """The nodes whose packages and daemons are new; everything else is as it was, on every node."""
        done = []
        for name, node in self.transport.nodes.items():
            assert (node.armed, node.transaction, node.staged) == ("", "", None), name
            versions = node.state.versions
            assert versions in (OLD, NEW), name
            assert replace(node.state, versions=OLD) == self.before[name].state, name
            if versions == NEW:
                assert all(node.main[unit] > 1 for unit in NAMES), name
                done.append(name)
        assert self.transport.holder() == "lb1"
        return done


def numbers() -> list[int]:
    """The numbers of the commands of an upgrade that succeeds; a journal line never fails."""
    scene = Scene()
    scene.walk()
    return [n for n, (_, function) in enumerate(scene.transport.calls) if function != "journal"]


class TestWalk:
    def test_everything_but_versions_and_processes_is_as_it_was(self) -> None:
        scene = Scene()
        assert scene.walk() == Walked(touched=True)
        assert scene.upgraded() == ["lb1", "lb2", "lb3"]
        done = [(e.step.node, str(e.step.name)) for e in scene.events if isinstance(e, StepDone)]
        assert [node for node, name in done if name == "upgrade"] == ORDER
        assert "write_owner" not in {function for _, function in scene.transport.calls}

    def test_an_undo_has_what_haproxy_knows_of_its_servers(self) -> None:
        """It begins it once more."""
        scene = Scene(proxy=add(haproxy.parse(PROXY.encode()), ADDITIONS).render().decode())
        assert scene.walk() == Walked(touched=True)
        saved = [node for node, function in scene.transport.calls if function == "save_server_state"]
        assert saved == ORDER

    def test_both_versions_are_fetched_before_any_node_is_touched(self) -> None:
        scene = Scene()
        scene.walk()
        functions = [function for _, function in scene.transport.calls]
        assert functions.count("stage_package") == 6
        assert max(n for n, f in enumerate(functions) if f == "stage_package") < functions.index("arm")

    def test_the_vip_is_elsewhere_while_its_holder_gets_its_packages(self) -> None:
        scene = Scene()
        holders = []

        def note(number: int, node: str, command: Command) -> bool:
            if command.words[0] in ("apt_upgrade", "take_restart"):
                holders.append((node, scene.transport.holder()))
            return False

        scene.transport.failing = note
        scene.walk()
        assert len(holders) == 9 and all(node != holder for node, holder in holders)

    @pytest.mark.parametrize("number", numbers())
    def test_wherever_it_fails_the_next_nodes_are_untouched(self, number: int) -> None:
        scene = Scene()
        scene.transport.failing = lambda at, node, command: at == number
        walked = scene.walk()
        node, _ = scene.transport.calls[number]
        assert walked.error is not None and walked.error.node == node and walked.back
        done = scene.upgraded()
        assert set(done) <= set(ORDER[: ORDER.index(node)]) and (walked.undone or not done)

    @pytest.mark.parametrize("number", range(1, 51))
    def test_ctrl_c_leaves_nothing_half_done(self, number: int) -> None:
        scene = Scene(stop_after=number)
        walked = scene.walk()
        done = scene.upgraded()
        assert walked.back and walked.error is None
        assert done == sorted(ORDER[: len(done)])

    def test_a_new_binary_that_refuses_the_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def said(before: Verdict | None, after: Verdict | None) -> tuple[str, ...]:
            return ("[ALERT] unknown keyword",)

        monkeypatch.setattr("lbctl.rollout.upgrade.complaints", said)
        scene = Scene()
        walked = scene.walk()
        assert walked.error is not None and walked.touched and walked.undone == {"lb3": True}
        assert walked.error.summary == "lb3: haproxy 2.6-4 refuses its configuration"
        assert scene.upgraded() == []
        assert ("lb3", "take_restart") not in scene.transport.calls

    def test_a_package_that_restarts_its_daemon_by_itself(self) -> None:
        scene = Scene()

        def restarts(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "apt_upgrade":
                scene.transport.nodes[node].main["keepalived"] += 1
            return False

        scene.transport.failing = restarts
        walked = scene.walk()
        assert walked.error is not None and "keepalived did not go on as it was" in walked.error.summary

    def test_apt_that_installs_another_version(self) -> None:
        scene = Scene()

        def other(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "check_stage" and scene.transport.nodes[node].armed:
                scene.transport.nodes[node].state.versions["haproxy"] = "2.6-9"
            return False

        scene.transport.failing = other
        walked = scene.walk()
        assert walked.error is not None and walked.error.summary == "lb3: haproxy is 2.6-9, not 2.6-4"
        assert walked.undone == {"lb3": True}

    def test_an_undo_that_leaves_the_new_version_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lbctl.planning.election.settle_seconds", lambda _: -10)
        scene = Scene()

        def fails(number: int, node: str, command: Command) -> bool:
            if command.words[0] == "undo" and (saved := scene.transport.nodes[node].saved):
                saved.versions["haproxy"] = NEW["haproxy"]
            return command.words[0] == "take_restart"

        scene.transport.failing = fails
        assert scene.walk().undone == {"lb3": False}
        texts = [event.text for event in scene.events if isinstance(event, NodeUndone)]
        assert texts == ["not back as it was: haproxy is 2.6-4, not 2.6-3"]
