"""A run as it is kept: on nodes in memory, with a workspace that is there, is full, or cannot be written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lbctl.errors import LocalError, LockedError
from lbctl.model.cluster import Cluster
from lbctl.model.command import Answers, Command, Probe
from lbctl.model.content import Content
from lbctl.model.event import Event, StepStarted, Unrecorded
from lbctl.model.plan import StepName
from lbctl.model.report import ApplyReport
from lbctl.store.workspace import ClusterState
from lbctl.views.json import event_line
from lbctl.workflows.apply import Apply, apply
from lbctl.workflows.plan import plan
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_rollout_walk import PROXY, applied, cluster

SECRET = "s3cr3t-w0rd"
OLD = PROXY + f"  # stats auth a:{SECRET}\n"
TEXT = "cluster: c\n"
CONFIG = "%etc%haproxy%haproxy.cfg"


def with_secret(proxy: str) -> Cluster:
    """Each node's haproxy.cfg hides a word."""
    made = cluster(proxy)
    nodes = []
    for node in made.nodes:
        files = tuple(
            replace(f, content=Content(f.content.data, f.content.data.replace(SECRET.encode(), b"***")))
            for f in node.files
        )
        nodes.append(replace(node, files=files))
    return replace(made, nodes=tuple(nodes))


class Scene:
    """An apply of another server, on nodes that have the old one, from a workspace."""

    def __init__(self, root: Path) -> None:
        self.state = ClusterState(root / "state" / "c")
        self.transport = applied(cluster(OLD))
        self.events: list[Event] = []

    def on(self, event: Event) -> None:
        self.events.append(event)

    @property
    def wanted(self) -> Cluster:
        return with_secret(OLD + "  server b 10.0.0.22:80\n")

    def apply(self) -> ApplyReport:
        wanted = self.wanted
        with_ = Apply(wanted, self.transport, self.state, self.on, event_line, TEXT)
        return apply(
            with_, plan(wanted, self.state, self.transport, self.on), frozenset({"shrink"}), saved=False
        )

    @property
    def folder(self) -> Path:
        (run,) = self.state.runs.all()
        return self.state.runs.folder(run)

    def files(self) -> dict[str, str]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_text() for path in found}

    def kept(self) -> list[Any]:
        return [json.loads(line) for line in self.files()["events.jsonl"].splitlines()]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def reload_fails(number: int, node: str, command: Command) -> bool:
    return node == "lb2" and command.words[0] == "take_reload"


class TestKept:
    def test_of_a_run_that_ends_well_no_node_is_asked(self, scene: Scene) -> None:
        report = scene.apply()
        assert (int(report.code), report.run) == (0, scene.folder.name)
        assert set(scene.files()) == {"run.json", "plan.json", "cluster.yaml", "events.jsonl", "report.json"}
        assert [run.report for run in scene.state.runs.all()] == [report]
        steps = [line for line in scene.kept() if line["event"] == "done"]
        assert (steps[-1]["node"], steps[-1]["step"]) == ("lb1", "confirm")
        assert scene.state.desired(2) == TEXT and scene.state.history()[0].code == 0

    def test_what_was_only_recorded_is_kept_as_applied(self, scene: Scene) -> None:
        """As the first apply after an import: without it nobody could tell a later fix by hand apart."""
        for name, node in scene.transport.nodes.items():
            file = scene.wanted.node(name).file_of("haproxy")
            assert file
            node.state.files[file.path] = (file.content.data, "0644", "root:root")
        report = scene.apply()
        assert {node.serial for node in report.nodes} == {1}
        assert scene.state.desired(1) == TEXT

    def test_of_one_that_fails_what_was_refused_and_what_is_said(self, scene: Scene) -> None:
        scene.transport.failing = reload_fails
        for name, node in scene.transport.nodes.items():
            node.messages, node.journal = f"{name} quotes {SECRET}\n", f"{name} undone\n"
        report = scene.apply()
        files = scene.files()
        assert report.advice[-1] == f"pack the evidence:   lbctl report {report.run}"
        assert {name for name in files if name.startswith("nodes/lb2/")} == {
            f"nodes/lb2/{name}"
            for name in (
                f"candidate/{CONFIG}",
                f"before/{CONFIG}",
                "failed.txt",
                "haproxy.log",
                "keepalived.log",
                "journal",
            )
        }
        assert "server b" in files[f"nodes/lb2/candidate/{CONFIG}"]
        assert "server b" not in files[f"nodes/lb2/before/{CONFIG}"]
        assert files["nodes/lb1/haproxy.log"] == "lb1 quotes ***\n"
        assert files["nodes/lb3/journal"] == "lb3 undone\n"
        assert files["nodes/lb2/failed.txt"].startswith("swap failed after ")
        assert "as the test wants it" in files["nodes/lb2/failed.txt"]
        assert [name for name, text in files.items() if SECRET in text] == []
        assert "missing.txt" not in files

    def test_where_nothing_changed_the_desired_of_a_serial_stays(self, scene: Scene) -> None:
        scene.transport.failing = lambda number, node, command: command.words[0] == "check_stage"
        assert int(scene.apply().code) == 1
        assert scene.state.desired(1) == "" and len(scene.state.history()) == 1

    def test_of_a_node_that_is_gone_what_is_missing(self, scene: Scene) -> None:
        def on(event: Event) -> None:
            scene.events.append(event)
            if isinstance(event, StepStarted) and (event.step.node, event.step.name) == verify:
                scene.transport.cut.add("lb2")

        def connecting(node: str) -> None:
            raise LockedError(node, "is locked", detail="by ann@desk")  # another try is of no use

        verify = ("lb2", StepName.VERIFY)
        scene.transport.connecting = connecting
        scene.on = on  # type: ignore[method-assign]
        assert int(scene.apply().code) == 4
        files = scene.files()
        assert files["missing.txt"] == (
            "lb2: its daemons' messages and its journal: it could not be reached\n"
        )
        assert "nodes/lb1/journal" in files and "nodes/lb2/journal" not in files
        assert f"nodes/lb2/candidate/{CONFIG}" in files

    def test_of_a_node_whose_journal_cannot_be_read(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = FakeTransport.ask

        def ask(self: FakeTransport, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
            found = asked(self, node, probes, timeout=timeout)
            return {name: answer for name, answer in found.items() if name != "journal"}

        monkeypatch.setattr(FakeTransport, "ask", ask)
        scene.transport.failing = reload_fails
        scene.apply()
        assert "lb2: journal: the node has none that can be read\n" in scene.files()["missing.txt"]


class TestAWorkspaceThatCannotBeWritten:
    def test_at_the_beginning_nothing_is_touched(self, scene: Scene) -> None:
        scene.state.path.mkdir(parents=True)
        (scene.state.path / "runs").write_text("a file where a directory belongs")
        with pytest.raises(LocalError, match="nothing was changed"):
            scene.apply()
        assert scene.transport.calls == []

    @pytest.mark.parametrize("fails", [False, True])
    def test_later_is_said_once_and_stops_nothing(self, scene: Scene, fails: bool) -> None:
        """No event, no report, no history: each of them would raise."""

        def on(event: Event) -> None:
            scene.events.append(event)
            if (
                isinstance(event, StepStarted)
                and event.step.name is StepName.ARM
                and scene.state.path.is_dir()
            ):
                scene.state.path.rename(scene.state.path.with_name("away"))
                scene.state.path.write_text("a file where a directory belongs")

        scene.on = on  # type: ignore[method-assign]
        scene.transport.failing = reload_fails if fails else scene.transport.failing
        assert int(scene.apply().code) == (3 if fails else 0)
        assert len([event for event in scene.events if isinstance(event, Unrecorded)]) == 1
