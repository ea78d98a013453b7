"""Daemons restarted node by node: under load, alone, refused, stopped in the middle, and not coming up."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.job.steps import NODES, PORTS, Site, eventually, four, interrupt, run_until, tell

pytestmark = pytest.mark.lab

HAPROXY = "/etc/haproxy/haproxy.cfg"
SOCKET = "UNIX-CONNECT:/run/haproxy/admin.sock"
DAEMONS = ("haproxy", "keepalived")
ORDER = ("lb3", "lb2", "lb1")
# below /run, where lbctl has nothing: what breaks there is nobody's change
BROKEN = "/run/systemd/system/haproxy.service.d/broken.conf"
ONCE = "[Service]\nExecStartPre=/bin/sh -c 'test -e /run/once || { touch /run/once; exit 1; }'\n"
NEVER = "[Service]\nExecStartPre=/bin/false\n"
PAGE = "/etc/sorry.http"

Pids = dict[tuple[str, str], str]


def pids(site: Site) -> Pids:
    return {(node, unit): site.pids(node, unit) for node in NODES for unit in DAEMONS}


def new(before: Pids, after: Pids) -> set[tuple[str, str]]:
    return {daemon for daemon, pid in after.items() if pid != before[daemon]}


def snapshots(site: Site) -> dict[str, str]:
    return {node: site.snapshot(node) for node in NODES}


def whats(report: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {node["node"]: node["what"] for node in report["nodes"]}


@contextmanager
def broken(site: Site, node: str, drop_in: str) -> Iterator[None]:
    """HAProxy's unit as it was, but for this drop-in, which no file of the cluster's says."""
    site.sh(node, f"mkdir -p {Path(BROKEN).parent}")
    site.put(node, BROKEN, drop_in)
    site.sh(node, "systemctl daemon-reload")
    try:
        yield
    finally:
        site.sh(node, f"rm -f {BROKEN} /run/once; systemctl daemon-reload")


class TestRestart:
    def test_haproxy_everywhere_under_load(self, site: Site) -> None:
        before, was = pids(site), snapshots(site)
        with site.load() as load:
            done = site.lbctl("restart", "haproxy", "--yes", "--json")
            report = load.stop()
        tell(f"restart haproxy on three nodes, {done.seconds:.1f} s:", *report.lines())
        assert new(before, pids(site)) == {(node, "haproxy") for node in NODES}
        assert snapshots(site) == was
        assert site.left_behind() == {} and site.holders() == ("lb1",)
        assert [node for node, step in done.steps() if step == "swap"] == list(ORDER)
        steps = ["stage", "arm", "handover", "swap", "verify", "undrain", "confirm"]
        assert [step for node, step in done.steps() if node == "lb1"] == steps
        assert whats(done.report) == dict.fromkeys(NODES, "restarted")
        assert report.failed == 0, report.lines()
        assert site.plan()["changes"] == []

    def test_both_daemons_in_one_rollout(self, site: Site) -> None:
        before = pids(site)
        done = site.lbctl("restart", "keepalived", "haproxy", "--yes")
        assert new(before, pids(site)) == set(before)
        assert site.holders() == ("lb1",) and site.answers() == list(PORTS)
        assert "Restarted keepalived and haproxy: lb1, lb2, lb3." in done.out
        history = (site.root / "state" / site.name / "history.jsonl").read_text().splitlines()[-1]
        assert "Restarted" in history

    def test_keepalived_on_a_backup_costs_nothing(self, site: Site) -> None:
        before, was = pids(site), snapshots(site)
        with site.load() as load:
            done = site.lbctl("restart", "keepalived", "lb2", "--yes", "--json")
            report = load.stop()
        assert new(before, pids(site)) == {("lb2", "keepalived")}
        assert snapshots(site) == was and site.holders() == ("lb1",)
        assert {node for node, _ in done.steps()} == {"lb2"}
        assert report.failed == 0, report.lines()

    def test_a_server_in_maint_and_a_drained_node_stay_so(self, site: Site) -> None:
        said = site.sh("lb3", f"echo 'show servers state' | socat - {SOCKET}").splitlines()
        _, backend, _, server, *_ = next(line for line in said if line[:1].isdigit() and " " in line).split()
        site.sh("lb3", f"echo 'set server {backend}/{server} state maint' | socat - {SOCKET}")
        site.lbctl("drain", "lb3")
        before = pids(site)
        try:
            done = site.lbctl("restart", "haproxy", "lb3", "--yes", "--json")
            assert new(before, pids(site)) == {("lb3", "haproxy")}
            assert not {"drain", "undrain", "handover"} & {step for _, step in done.steps()}
            assert site.sh("lb3", "cat /var/lib/lbctl/drain").strip() == "-253"
            stat = site.sh("lb3", f"echo 'show stat' | socat - {SOCKET} | grep '^{backend},{server},'")
            assert ",MAINT," in stat
        finally:
            site.sh("lb3", f"echo 'set server {backend}/{server} state ready' | socat - {SOCKET}")
            site.lbctl("undrain", "lb3")


class TestRefused:
    def test_a_file_that_was_changed_by_hand(self, site: Site) -> None:
        site.sh("lb3", f"echo '# by hand' >>{HAPROXY}")
        before, was = pids(site), snapshots(site)
        done = site.lbctl("restart", "haproxy", "--yes", code=1)
        said = done.out + done.err
        assert f"lb3: is not as the cluster file says: file{HAPROXY} (changed by hand)" in said
        assert "lbctl apply" in said
        assert (pids(site), snapshots(site)) == (before, was)

    def test_what_is_pending(self, site: Site) -> None:
        site.write(four(site.text))
        before, was = pids(site), snapshots(site)
        done = site.lbctl("restart", "keepalived", "lb2", "--yes", code=1)
        assert f"lb2: is not as the cluster file says: file{HAPROXY}" in done.out
        assert (pids(site), snapshots(site)) == (before, was)

    def test_a_daemon_that_does_not_run(self, site: Site) -> None:
        site.sh("lb2", "systemctl stop keepalived")
        done = site.lbctl("restart", "keepalived", "--yes", code=1)
        assert "lb2: keepalived does not run" in done.out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["nginx", "--yes"], "there is no daemon nginx"),
            (["haproxy", "lb4", "--yes"], "there is no node lb4"),
            (["haproxy"], "there is no terminal to ask on"),
            (["--yes"], "Missing argument"),
        ],
    )
    def test_words(self, site: Site, words: list[str], said: str) -> None:
        assert said in site.lbctl("restart", *words, code=1).err

    def test_no_is_an_answer(self, site: Site) -> None:
        before = pids(site)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            site.command("restart", "haproxy"),
            cwd=site.root,
            env={**site.environment(), "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 65536)
        os.write(ours, b"n\n")
        assert process.wait(60) == 1
        os.close(ours)
        assert b"! service/haproxy" in said and b"3 restarts" in said
        assert pids(site) == before and site.left_behind() == {}


class TestNotComingUp:
    def test_a_file_that_nobody_manages_is_gone(self, site: Site) -> None:
        """HAProxy looks at what it would read before any is stopped: nowhere is a process touched."""
        for node in NODES:
            site.put(node, PAGE, "HTTP/1.0 503 Sorry\r\n\r\n")
        site.write(site.text.replace("    mode http\n", f"    mode http\n    errorfile 503 {PAGE}\n"))
        site.apply()
        site.sh("lb2", f"mv {PAGE} {PAGE}.away")
        before, was = pids(site), snapshots(site)
        try:
            done = site.lbctl("restart", "haproxy", "--yes", code=1)
            assert "lb2: haproxy refuses its configuration as it is" in done.out
            assert PAGE in done.out and "no daemon was stopped" in done.out
            assert (pids(site), snapshots(site)) == (before, was)
            assert site.left_behind() == {}
        finally:
            site.sh("lb2", f"mv {PAGE}.away {PAGE}")

    def test_once_is_undone_and_the_others_are_left_alone(self, site: Site) -> None:
        before, was = pids(site), snapshots(site)
        with broken(site, "lb2", ONCE):
            report = site.lbctl("restart", "haproxy", "--yes", "--json", code=3).report
            assert whats(report) == {"lb1": "unchanged", "lb2": "undone", "lb3": "restarted"}
            assert all(node["serving"] for node in report["nodes"])
            assert any(words.endswith("lbctl restart haproxy lb1 lb2") for words in report["advice"])
        assert new(before, pids(site)) == {("lb3", "haproxy"), ("lb2", "haproxy")}
        assert snapshots(site) == was and site.left_behind() == {}
        assert site.listens("lb2") and site.holders() == ("lb1",)
        site.lbctl("restart", "haproxy", "lb1", "lb2", "--yes")

    def test_never_needs_a_person(self, site: Site) -> None:
        before = pids(site)
        with broken(site, "lb3", NEVER):
            done = site.lbctl("restart", "haproxy", "--yes", "--json", code=4)
            assert whats(done.report) == {"lb1": "unchanged", "lb2": "unchanged", "lb3": "failed"}
            assert {daemon for daemon in new(before, pids(site)) if daemon[0] != "lb3"} == set()
            assert site.answers() == list(PORTS) and site.holders() == ("lb1",)
        # mended, the node's own unit may have put it back already: the next restart does what is left of that
        site.lbctl("restart", "haproxy", "lb3", "--yes")
        assert site.left_behind() == {} and site.listens("lb3")


class TestStopped:
    @pytest.mark.parametrize(
        ("event", "step", "node", "least"),
        [
            ("started", "stage", "lb3", 0),
            ("done", "arm", "lb3", 0),
            ("started", "swap", "lb2", 2),
            ("done", "arm", "lb1", 2),
        ],
    )
    def test_ctrl_c(self, site: Site, event: str, step: str, node: str, least: int) -> None:
        """A signal that comes a moment too late finds the next node under way: one more is restarted."""
        before, was = pids(site), snapshots(site)
        process = site.start("restart", "haproxy", "--yes", "--json")
        run_until(process, event, step, node)
        interrupt(process)
        out, err = process.communicate(timeout=100)
        assert "Traceback" not in err, err
        report = next(json.loads(line) for line in out.splitlines() if '"event": "report"' in line)
        done = [name for name, what in whats(report).items() if what == "restarted"]
        assert sorted(done) == sorted(ORDER[: len(done)]) and least <= len(done) <= least + 1
        assert new(before, pids(site)) == {(name, "haproxy") for name in done}
        assert process.returncode in ((0,) if len(done) == 3 else (1, 3))
        assert snapshots(site) == was and site.left_behind() == {}
        eventually(lambda: site.holders() == ("lb1",), 20)

    def test_killed_the_next_one_puts_back_and_goes_on(self, site: Site) -> None:
        was = snapshots(site)
        process = site.start("restart", "haproxy", "--yes", "--json")
        run_until(process, "started", "verify", "lb1")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert "armed" in site.left_behind()["lb1"]
        before = pids(site)
        done = site.lbctl("restart", "keepalived", "lb3", "--yes", "--json")
        assert [line["node"] for line in done.lines if line["event"] == "undone"] == ["lb1"]
        assert new(before, pids(site)) == {("lb3", "keepalived")}
        assert snapshots(site) == was and site.left_behind() == {}
        eventually(lambda: site.holders() == ("lb1",), 20)
