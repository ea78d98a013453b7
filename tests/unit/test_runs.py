"""Runs that are kept: what is written when, what is left of one that was cut off, and how one is found."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.errors import LocalError, UsageError
from lbctl.model.record import KeptRun, RunRecord
from lbctl.model.report import ApplyReport, Exit
from lbctl.store import runs as store
from lbctl.store.pack import pack
from lbctl.store.plans import load_plan
from lbctl.store.runs import RunFolder, Runs
from tests.cases.views import samples

DONE = replace(samples.report(), code=Exit.DONE)
TEXT = "cluster: openstack-api\n"
ROOT = Path(__file__).parent.parent.parent
KILLED = """
import os, sys
from pathlib import Path
from lbctl.store.runs import Runs
from tests.unit.test_runs import begun
begun(Runs(Path(sys.argv[1]))).event('{"event": "started"}')
os.kill(os.getpid(), 9)
"""


def record(name: str) -> RunRecord:
    kept = samples.runs()[0].record
    assert kept is not None
    return replace(kept, id=name)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "state" / "c" / "runs")


def begun(runs: Runs) -> RunFolder:
    return runs.begin(record, samples.plan(), TEXT)


def ended(runs: Runs, report: ApplyReport = DONE) -> str:
    folder = begun(runs)
    folder.report(report)
    folder.close()
    return folder.record.id


def modes(root: Path) -> Iterator[tuple[str, int]]:
    for path in (root, *root.rglob("*")):
        yield path.name, stat.S_IMODE(path.stat().st_mode)


class TestARun:
    def test_comes_back_equal(self, runs: Runs) -> None:
        name = ended(runs, samples.report())
        assert runs.all() == (KeptRun(name, record(name), samples.report()),)
        assert load_plan(runs.path / name / "plan.json") == samples.plan()
        assert (runs.path / name / "cluster.yaml").read_text() == TEXT

    def test_is_named_by_its_time_and_its_plan(self, runs: Runs) -> None:
        names = [ended(runs) for _ in range(3)]
        assert len(set(names)) == 3 and sorted(names) == names
        assert all(samples.PLAN in name for name in names)

    def test_is_nobody_elses(self, runs: Runs) -> None:
        folder = begun(runs)
        folder.event("{}")
        folder.keep("nodes/lb1/haproxy.log", "said")
        folder.report(DONE)
        folder.close()
        found = dict(modes(runs.path))
        assert {found.pop(name) for name in ("runs", folder.record.id, "nodes", "lb1")} == {0o700}
        assert len(found) == 6 and set(found.values()) == {0o600}

    def test_is_under_way_until_its_process_ends(self, runs: Runs) -> None:
        folder = begun(runs)
        assert [run.outcome for run in runs.all()] == ["under way"]
        folder.close()
        assert [run.outcome for run in runs.all()] == ["cut off"]

    def test_that_was_killed_leaves_what_was_known(self, runs: Runs) -> None:
        argv = [sys.executable, "-c", KILLED, str(runs.path)]
        assert subprocess.run(argv, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        (run,) = runs.all()
        assert (run.outcome, run.record is not None) == ("cut off", True)
        assert (runs.folder(run) / "events.jsonl").read_text() == '{"event": "started"}\n'
        assert load_plan(runs.folder(run) / "plan.json") == samples.plan()

    def test_keeps_what_a_node_said_whatever_it_is(self, runs: Runs) -> None:
        folder = begun(runs)
        folder.keep("nodes/lb1/haproxy.log", "a\udc80é\x1b[2J\n")
        assert (folder.path / "nodes/lb1/haproxy.log").read_text() == "a\\x80é\x1b[2J\n"

    def test_of_another_lbctl_is_listed_all_the_same(self, runs: Runs) -> None:
        name = ended(runs)
        for file, key in (("report.json", "report"), ("run.json", "run")):
            path = runs.path / name / file
            path.write_text(json.dumps({"format_version": 2, key: {"other": 1}}))
        assert runs.all() == (KeptRun(name, None, None, unread=True),)
        assert runs.all()[0].outcome == "unknown"


class TestTheDisk:
    def test_is_full_when_a_run_begins(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is left of it: it has not begun."""

        def full(path: Path, text: str) -> None:
            raise LocalError(f"cannot write {path}", detail="No space left on device")

        monkeypatch.setattr(store, "write", full)
        with pytest.raises(LocalError, match="nothing was changed") as caught:
            begun(runs)
        assert "No space left" in caught.value.detail and caught.value.mend
        assert list(runs.path.iterdir()) == []

    def test_cannot_be_written_when_a_run_begins(self, runs: Runs) -> None:
        runs.path.parent.mkdir(parents=True)
        runs.path.write_text("a file where a directory belongs")
        with pytest.raises(LocalError, match="the workspace cannot be written; nothing was changed"):
            begun(runs)

    def test_is_full_for_a_while(self, runs: Runs) -> None:
        """A line that was cut short does not spoil the next one."""
        folder = begun(runs)
        folder.event('{"event": "one"}')
        kept = os.dup(folder._events)
        os.dup2(os.open("/dev/full", os.O_WRONLY), folder._events)
        with pytest.raises(LocalError, match=r"cannot write .*/events\.jsonl"):
            folder.event('{"event": "two"}')
        os.dup2(kept, folder._events)
        folder._torn = True  # as after a write that the disk took half of
        os.write(folder._events, b'{"eve')
        folder.event('{"event": "three"}')
        lines = (folder.path / "events.jsonl").read_text().splitlines()
        assert lines == ['{"event": "one"}', '{"eve', '{"event": "three"}']


class TestFound:
    @pytest.fixture
    def three(self, runs: Runs) -> list[str]:
        names = ["20261120-100000-aaa", "20261122-100000-bbb", "20261122-110000-ccc"]
        for name in names:
            (runs.path / name).mkdir(parents=True)
        return names

    @pytest.mark.parametrize(
        ("wanted", "number"),
        [("latest", 2), ("20261120", 0), ("20261122-10", 1), ("20261122-110000-ccc", 2)],
    )
    def test_by_as_much_as_no_other_has(self, runs: Runs, three: list[str], wanted: str, number: int) -> None:
        assert runs.find(wanted).id == three[number]

    @pytest.mark.parametrize(
        ("wanted", "said", "named"),
        [
            ("20261122", "2 runs begin with", ["20261122-100000-bbb", "20261122-110000-ccc"]),
            ("20261122-100001-bbb", "there is no run", ["did you mean", "20261122-100000-bbb"]),
            ("../../etc", "there is no run", ["the last ones are", "20261122-110000-ccc"]),
            ("", "there is no run", ["the last ones are"]),
        ],
    )
    def test_nothing_else(
        self, runs: Runs, three: list[str], wanted: str, said: str, named: list[str]
    ) -> None:
        with pytest.raises(UsageError, match=said) as caught:
            runs.find(wanted)
        assert all(words in caught.value.detail for words in named)

    def test_not_where_there_is_none(self, runs: Runs) -> None:
        assert runs.all() == ()
        with pytest.raises(UsageError, match=r"no run is kept in .*/state/c/runs"):
            runs.find("latest")


class TestPruned:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "MOST", 2)

    def test_those_that_failed_stay_longer(self, runs: Runs) -> None:
        failed = [ended(runs, samples.report()) for _ in range(2)]
        done = [ended(runs) for _ in range(4)]
        runs.prune()
        assert [run.id for run in runs.all()] == [*failed, *done[2:]]
        assert sorted(path.name for path in runs.path.iterdir()) == [*failed, *done[2:]]

    def test_never_one_that_is_under_way(self, runs: Runs) -> None:
        folder = begun(runs)
        failed = [ended(runs, samples.report()) for _ in range(3)]
        runs.prune()
        assert [run.id for run in runs.all()] == [folder.record.id, *failed[1:]]

    def test_what_a_crash_left_of_one_goes_too(self, runs: Runs) -> None:
        ended(runs)
        half = runs.path / ".20261120-100000-aaa.gone"
        half.mkdir()
        (half / "run.json").write_text("{}")
        assert len(runs.all()) == 1
        runs.prune()
        assert not half.exists()

    def test_by_two_at_once(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [ended(runs) for _ in range(3)]
        seen = runs.all()
        runs.prune()
        monkeypatch.setattr(Runs, "all", lambda _: seen)
        runs.prune()
        assert sorted(path.name for path in runs.path.iterdir()) == names[1:]


class TestPacked:
    @pytest.fixture
    def kept(self, runs: Runs) -> KeptRun:
        folder = begun(runs)
        folder.event("{}")
        folder.keep("nodes/lb1/haproxy.log", "said")
        (folder.path / ".report.json.12").write_text("half")
        (folder.path / "link").symlink_to("/etc/passwd")
        folder.report(DONE)
        folder.close()
        return runs.all()[0]

    def test_is_the_folder(self, runs: Runs, kept: KeptRun, tmp_path: Path) -> None:
        made = pack(runs.folder(kept), kept, tmp_path / "p.tar.gz")
        assert stat.S_IMODE((tmp_path / "p.tar.gz").stat().st_mode) == 0o600
        with tarfile.open(tmp_path / "p.tar.gz") as archive:
            members = archive.getmembers()
            archive.extractall(tmp_path / "out", filter="data")
        top = f"lbctl-report-{kept.id}"
        assert {member.name.split("/")[0] for member in members} == {top}
        assert {(member.uid, member.uname) for member in members} == {(0, "")}
        files = sorted(member.name.removeprefix(f"{top}/") for member in members if member.isreg())
        assert files == sorted(one.name for one in made.contents)
        assert files == sorted(
            ["cluster.yaml", "events.jsonl", "nodes/lb1/haproxy.log", "plan.json", "report.json", "run.json"]
        )
        assert (tmp_path / "out" / top / "nodes/lb1/haproxy.log").read_text() == "said"

    def test_overwrites_nothing(self, runs: Runs, kept: KeptRun, tmp_path: Path) -> None:
        obstacles: list[Callable[[Path], object]] = [
            lambda path: path.write_text("mine"),
            lambda path: path.symlink_to("/etc/passwd"),
            lambda path: path.mkdir(),
        ]
        for number, make in enumerate(obstacles):
            there = tmp_path / f"there{number}"
            make(there)
            with pytest.raises(LocalError, match="is there already"):
                pack(runs.folder(kept), kept, there)
        assert (tmp_path / "there0").read_text() == "mine"

    def test_where_nothing_can_be_written(self, runs: Runs, kept: KeptRun) -> None:
        with pytest.raises(LocalError, match=r"cannot write /dev/full/p\.tar\.gz"):
            pack(runs.folder(kept), kept, Path("/dev/full/p.tar.gz"))
