"""A node whose apply is cut off puts itself back: at the deadline, or when it boots."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.job.steps import PORTS, Site, eventually, four, interrupt, run_until, tell

pytestmark = pytest.mark.lab

WITHIN = 30  # seconds: a link that is cut for that long is lost, and made anew
TAKEN = 9000
# valid, and on a node where the port is taken it never comes up
WRONG = f"  config: |\n    listen own\n        bind ${{node.address}}:{TAKEN}\nfiles:\n"

CUT = """nft -f - <<'.'
table inet cut {
  chain input { type filter hook input priority -400; tcp dport 22 drop; }
  chain output { type filter hook output priority -400; tcp sport 22 drop; }
}
."""


@contextmanager
def cut(site: Site, node: str) -> Iterator[None]:
    """No packet of SSH's passes, in either direction, and nobody is told."""
    site.sh(node, CUT)
    try:
        yield
    finally:
        site.sh(node, "nft delete table inet cut")


@contextmanager
def taken(site: Site, node: str) -> Iterator[None]:
    """Another process has the port."""
    unit = f"systemd-run -q --unit taken socat TCP-LISTEN:{TAKEN},fork,reuseaddr -"
    site.sh(node, unit)
    try:
        yield
    finally:
        site.sh(node, "systemctl stop taken; systemctl reset-failed taken 2>/dev/null; :")


def started(site: Site, step: str, node: str) -> subprocess.Popen[str]:
    """An apply that has just ended this step."""
    process = site.start("apply", "--yes", "--json", "--confirm-within", str(WITHIN))
    run_until(process, "done", step, node)
    return process


def reported(process: subprocess.Popen[str]) -> Any:
    """The report of an apply that ends by itself."""
    out, err = process.communicate(timeout=100)
    assert "Traceback" not in err, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["good"] for line in lines if line["event"] == "reconnected"] == [True], out
    return lines[-1]


def _next(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def what(report: Any) -> dict[str, str]:
    return {node["node"]: node["what"] for node in report["nodes"]}


def undone(site: Site, node: str) -> str:
    """How the node's last change was put back, as `lbctl status` says it."""
    nodes = site.lbctl("status", "--json").document["nodes"]
    return str(next(one["undone"]["how"] for one in nodes if one["node"] == node))


def free(site: Site, node: str) -> bool:
    """Is the node's lock free?"""
    return site.sh(node, "flock -n /var/lib/lbctl/lock echo free", check=False).strip() == "free"


def back(site: Site, node: str, before: str) -> Callable[[], bool]:
    """Is the node as it was, with nothing of the apply left on it?"""
    return lambda: site.snapshot(node) == before and node not in site.left_behind()


class TestCutOff:
    def test_a_wrong_configuration_on_the_master_after_its_swap(self, site: Site) -> None:
        before = site.snapshot("lb1")
        site.write(site.text.replace("files:\n", WRONG))
        with taken(site, "lb1"):
            with cut(site, "lb3"):
                pass  # the rule works on this kernel
            process = site.start("apply", "--yes", "--json", "--confirm-within", str(WITHIN))
            run_until(process, "started", "swap", "lb1")
            run_until(process, "done", "swap", "lb1")
            with cut(site, "lb1"):
                seconds = eventually(back(site, "lb1", before), WITHIN + 20)
                tell(f"lb1 was back by itself {seconds:.1f} s after SSH was cut (--confirm-within {WITHIN})")
                assert site.answers() == list(PORTS)
                assert site.holders() == ("lb1",)
                eventually(lambda: "armed" not in site.left_behind().get("lb1", ""), 5)
            began = time.monotonic()
            report = reported(process)
            tell(f"lbctl ended {time.monotonic() - began:.1f} s after SSH was let through again")
        assert (report["code"], what(report)) == (3, {"lb1": "undone", "lb2": "changed", "lb3": "changed"})
        assert undone(site, "lb1") == "wait"
        # taken again on the new connection, it has ended the process that held it on the lost one
        assert free(site, "lb1")
        assert site.apply().report["code"] == 0

    def test_the_operator_dies_after_the_swap_of_a_backup(self, site: Site) -> None:
        before = site.snapshot("lb3")
        site.write(four(site.text))
        process = started(site, "swap", "lb3")
        process.kill()
        process.communicate()
        seconds = eventually(back(site, "lb3", before), WITHIN + 15)
        tell(f"lb3 was back by itself {seconds:.1f} s after lbctl was killed")
        assert site.apply().report["code"] == 0

    def test_a_reboot_after_the_swap(self, site: Site) -> None:
        before = site.snapshot("lb3")
        site.write(site.text.replace("files:\n", WRONG))
        with taken(site, "lb3"):
            process = site.start("apply", "--yes", "--json", "--confirm-within", "3600")
            run_until(process, "done", "swap", "lb3")
            site.lab.reboot("lb3")
        report = reported(process)
        assert (report["code"], what(report)) == (
            3,
            {"lb1": "unchanged", "lb2": "unchanged", "lb3": "undone"},
        )
        assert back(site, "lb3", before)()
        assert undone(site, "lb3") == "boot"
        eventually(lambda: site.listens("lb3"), 15)

    def test_ctrl_c_while_it_waits_for_a_node_that_is_off(self, site: Site) -> None:
        before = site.snapshot("lb3")
        site.write(four(site.text))
        process = started(site, "swap", "lb3")
        site.lab.power_cut("lb3")
        try:
            began = time.monotonic()
            while (line := _next(process))["event"] != "lost":
                pass
            lost = time.monotonic() - began
            assert line["node"] == "lb3" and line["seconds"] == WITHIN + 180
            interrupt(process)
            began = time.monotonic()
            out, err = process.communicate(timeout=30)
            ended = time.monotonic() - began
            tell(f"noticed {lost:.1f} s after the power cut; ended {ended:.1f} s after Ctrl-C")
        finally:
            site.lab.start("lb3")
        assert process.returncode == 4 and "Traceback" not in err, err
        undone = [one for one in map(json.loads, out.splitlines()) if one["event"] == "undone"]
        assert [one["good"] for one in undone] == [False]
        assert f"it puts itself back within {WITHIN} s of its arm, or at its boot" in undone[0]["said"]
        eventually(back(site, "lb3", before), 20)
        assert site.apply().report["code"] == 0


class TestConfirm:
    def test_what_is_confirmed_stays(self, site: Site) -> None:
        """The deadline of a change that was confirmed takes nothing back."""
        site.write(four(site.text))
        site.apply("--confirm-within", str(WITHIN))
        waiting = site.sh("lb3", "systemctl is-active lbctl-undo", check=False).strip()
        eventually(
            lambda: site.sh("lb3", "systemctl is-active lbctl-undo", check=False).strip() != "active", 5
        )
        tell(f"lbctl-undo was {waiting} after the confirm")
        assert site.plan()["changes"] == []
        assert site.sh("lb3", "systemctl is-enabled lbctl-undo-boot").strip() == "enabled"
