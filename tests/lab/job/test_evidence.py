"""What is kept of an apply that fails, dies, or finds no room to write; and what lbctl report makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.lab.job.steps import HEAT, NODES, PORTS, Site, eventually, four, interrupt, run_until
from tests.lab.job.test_failures import port_taken
from tests.lab.job.test_heals import WITHIN, back, cut

pytestmark = pytest.mark.lab

BEGUN = {"run.json", "plan.json", "cluster.yaml", "events.jsonl"}
ASKED = {"haproxy.log", "keepalived.log", "journal"}
HAPROXY = "%etc%haproxy%haproxy.cfg"


def runs(site: Site) -> list[Any]:
    return list(site.lbctl("report", "--json").document["runs"])


def folder(site: Site, run: str) -> Path:
    return site.root / "state" / site.name / "runs" / run


def events(where: Path) -> list[Any]:
    return [json.loads(line) for line in (where / "events.jsonl").read_text().splitlines()]


def unpacked(site: Site, run: str, to: Path) -> Path:
    """The folder in the pack that lbctl makes of a run."""
    said = site.lbctl("report", run, "--out", str(to / "pack.tar.gz"), "--json").document
    with tarfile.open(said["file"]) as archive:
        archive.extractall(to, filter="data")
    found = to / f"lbctl-report-{run}"
    assert {one["name"] for one in said["files"]} == names(found)
    return found


def names(where: Path) -> set[str]:
    return {str(path.relative_to(where)) for path in where.rglob("*") if path.is_file()}


class TestAnApplyThatFails:
    def test_keeps_what_a_person_needs_to_find_out_why(self, site: Site, tmp_path: Path) -> None:
        site.write(site.text.replace(*HEAT))
        with port_taken(site, "lb3", 8004):
            done = site.apply(code=3)
        run = done.report["run"]
        assert done.report["advice"][-1].endswith(f"lbctl report {run}")
        kept = unpacked(site, run, tmp_path)
        asked = {f"nodes/{node}/{name}" for node in NODES for name in ASKED}
        failed = {f"nodes/lb3/{name}" for name in (f"candidate/{HAPROXY}", f"before/{HAPROXY}", "failed.txt")}
        assert names(kept) == {*BEGUN, "report.json", *asked, *failed}
        candidate, before = (
            (kept / f"nodes/lb3/{side}/{HAPROXY}").read_text() for side in ("candidate", "before")
        )
        assert ":8004" in candidate and ":8004" not in before and ":8776" in before
        assert "cannot bind" in (kept / "nodes/lb3/haproxy.log").read_text().lower()
        assert "verify failed after" in (kept / "nodes/lb3/failed.txt").read_text()
        journal = (kept / "nodes/lb3/journal").read_text().splitlines()
        assert all(f" {done.report['plan']} " in line for line in journal)
        assert [line.split()[2:] for line in journal][-1] == ["undone", "now"]
        assert (kept / "nodes/lb1/journal").read_text() == ""
        assert "heat: 8004" in (kept / "cluster.yaml").read_text()
        self._says_what_apply_said(kept, done.lines)

    def _says_what_apply_said(self, kept: Path, lines: list[Any]) -> None:
        """From the first step on, line for line; and the plan that was shown."""
        said = events(kept)
        first = next(n for n, line in enumerate(lines) if line["event"] == "started")
        untimed = [{k: v for k, v in line.items() if k != "time"} for line in (*said, *lines[first:-1])]
        assert untimed[: len(said)] == untimed[len(said) :]
        times = [datetime.fromisoformat(line["time"]) for line in said]
        assert times == sorted(times) and {"started", "done", "failed", "undone"} <= {
            e["event"] for e in said
        }
        shown = next(line for line in lines if line["event"] == "planned")
        assert json.loads((kept / "plan.json").read_text())["plan"]["id"] == shown["plan"]

    def test_names_the_command_in_its_last_lines(self, site: Site) -> None:
        site.write(site.text.replace(*HEAT))
        with port_taken(site, "lb3", 8004):
            done = site.lbctl("apply", "--yes", code=3)
        command = next(line for line in done.out.splitlines()[-4:] if "lbctl report" in line)
        words = command.split("lbctl ")[1].split()
        assert words[1] == runs(site)[-1]["run"]
        said = site.lbctl(*words).out
        packed = site.root / f"lbctl-report-{words[1]}.tar.gz"
        assert packed.stat().st_mode & 0o777 == 0o600
        assert f"Packed: {packed.name}" in said.splitlines()[-1]
        again = site.lbctl("report", "latest", code=1)
        assert "is there already" in again.err and "--out" in again.err
        packed.unlink()

    def test_keeps_what_a_daemon_refused(self, site: Site, tmp_path: Path) -> None:
        site.write(site.text.replace("    maxconn 10000\n", "    maxconn 10000\n    no such words\n"))
        run = site.apply(code=1).report["run"]
        kept = unpacked(site, run, tmp_path)
        for node in NODES:
            assert "no such words" in (kept / f"nodes/{node}/candidate/{HAPROXY}").read_text()
            assert "no such words" not in (kept / f"nodes/{node}/before/{HAPROXY}").read_text()
            assert "haproxy refuses its new configuration" in (kept / f"nodes/{node}/failed.txt").read_text()

    def test_of_a_node_that_is_gone_it_says_what_is_missing(self, site: Site, tmp_path: Path) -> None:
        before = site.snapshot("lb3")
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json", "--confirm-within", str(WITHIN))
        run_until(process, "done", "swap", "lb3")
        with cut(site, "lb3"):
            assert process.stdout is not None
            assert any(json.loads(line)["event"] == "lost" for line in process.stdout)
            interrupt(process)  # nobody waits for the node to come back
            process.communicate(timeout=150)
            assert process.returncode == 4
        eventually(back(site, "lb3", before), WITHIN + 20)
        kept = unpacked(site, runs(site)[-1]["run"], tmp_path)
        assert (kept / "missing.txt").read_text().startswith("lb3: its daemons' messages and its journal: ")
        assert {f"nodes/{node}/{name}" for node in ("lb1", "lb2") for name in ASKED} <= names(kept)
        assert "nodes/lb3/failed.txt" in names(kept) and "nodes/lb3/journal" not in names(kept)
        # the dead connection's lock is given up when nothing was heard for a minute
        eventually(lambda: site.lbctl("apply", "--yes", code=None).code == 0, 90)


class TestAnApplyThatDies:
    def test_leaves_what_was_known(self, site: Site, tmp_path: Path) -> None:
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json")
        said = run_until(process, "started", "swap", "lb2")
        under_way = runs(site)[-1]
        assert (under_way["outcome"], under_way["report"]) == ("under way", None)
        os.killpg(process.pid, signal.SIGKILL)
        said += [json.loads(line) for line in process.communicate()[0].splitlines()]
        run = runs(site)[-1]
        assert (run["run"], run["outcome"]) == (under_way["run"], "cut off")
        kept = unpacked(site, run["run"], tmp_path)
        assert names(kept) == BEGUN
        told = [(e["event"], e["step"], e["node"]) for e in said if "step" in e]
        known = [(e["event"], e["step"], e["node"]) for e in events(kept) if "step" in e]
        assert ("started", "swap", "lb2") in known
        assert known in (told, told[:-1])  # it may have died between the two
        assert "mesa-virt-04" in site.lbctl("show", str(kept / "plan.json")).out
        assert "cut off" in site.lbctl("report").out.splitlines()[-3]
        assert site.apply().report["code"] == 0
        assert [one["outcome"] for one in runs(site)[-2:]] == ["cut off", "done"]

    def test_two_at_once_are_one_run(self, site: Site) -> None:
        site.write(four(site.text))
        before = len(runs(site))
        process = site.start("apply", "--yes", "--json")
        run_until(process, "started", "swap", "lb3")
        second = site.lbctl("apply", "--yes", code=1)
        assert "somebody else is at work on it" in second.err
        process.communicate(timeout=100)
        assert process.returncode == 0
        found = runs(site)[before:]
        assert [one["outcome"] for one in found] == ["done"]
        assert names(folder(site, found[0]["run"])) == {*BEGUN, "report.json"}


@contextmanager
def small(site: Site) -> Iterator[Path]:
    """The workspace's state on a file system of its own, of half a megabyte."""
    state = site.root / "state"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", state], check=True)
    try:
        yield state
    finally:
        subprocess.run(["umount", "-l", state], check=True)


class TestAWorkspaceWithoutRoom:
    def test_that_fills_up_stops_no_apply(self, site: Site) -> None:
        site.write(four(site.text))
        with small(site) as state:
            process = site.start("apply", "--yes", "--json")
            run_until(process, "started", "swap", "lb3")
            with (state / "fill").open("wb", buffering=0) as fill, pytest.raises(OSError, match="No space"):
                while fill.write(bytes(4096)):
                    pass
            out, err = process.communicate(timeout=100)
            lines = [json.loads(line) for line in out.splitlines()]
            assert process.returncode == 0 and err == ""
            said = [line["said"] for line in lines if line["event"] == "unrecorded"]
            assert len(said) == 1 and "events.jsonl" in said[0], said
            assert lines[-1]["event"] == "report" and lines[-1]["code"] == 0
            assert runs(site)[-1]["outcome"] == "cut off"
        assert site.plan()["changes"] == []
        assert site.answers() == list(PORTS)

    def test_that_cannot_be_written_is_refused_before_anything_is_touched(self, site: Site) -> None:
        site.write(four(site.text))
        before = {node: site.snapshot(node) for node in NODES}
        with small(site) as state:
            site.lbctl("plan", "--out", "plans/next.json")
            subprocess.run(["mount", "-o", "remount,ro", state], check=True)
            for words in (("--yes",), ("plans/next.json",)):
                refused = site.lbctl("apply", *words, code=1)
                assert "Read-only file system" in refused.err and str(state) in refused.err
            assert site.lbctl("report").out.startswith("No run is kept yet.")
        assert {node: site.snapshot(node) for node in NODES} == before
        assert site.left_behind() == {}
        assert site.lbctl("apply", "plans/next.json").code == 0


def test_a_restart_is_kept_too(site: Site, tmp_path: Path) -> None:
    assert site.lbctl("restart", "haproxy", "lb3", "--yes").code == 0
    run = runs(site)[-1]
    assert (run["what"], run["outcome"]) == ("restart haproxy lb3", "done")
    assert names(unpacked(site, run["run"], tmp_path)) == {*BEGUN, "report.json"}
