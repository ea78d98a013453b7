"""An operator who stops in the middle, one whose machine dies: the step under way is finished or undone."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.lab.job.steps import NODES, PORTS, Site, four, interrupt, run_until

pytestmark = pytest.mark.lab

ORDER = ("lb3", "lb2", "lb1")
MOMENTS = (  # event, step, node: when Ctrl-C comes; how many nodes must be changed at the end, at least
    ("started", "stage", "lb3", 0),
    ("done", "arm", "lb3", 0),
    ("started", "swap", "lb3", 1),
    ("started", "verify", "lb2", 2),
    ("started", "swap", "lb1", 3),
)


def stopped(site: Site, event: str, step: str, node: str) -> tuple[int, list[Any]]:
    """An apply that Ctrl-C reaches at this moment: its exit code, and its nodes in the report."""
    process = site.start("apply", "--yes", "--json")
    run_until(process, event, step, node)
    interrupt(process)
    out, err = process.communicate(timeout=100)
    assert "Traceback" not in err, err
    lines = [line for line in out.splitlines() if '"event": "report"' in line]
    assert len(lines) == 1, out
    return process.returncode, json.loads(lines[0])["nodes"]


class TestCtrlC:
    @pytest.mark.parametrize(("event", "step", "node", "least"), MOMENTS)
    def test_in_the_middle(self, site: Site, event: str, step: str, node: str, least: int) -> None:
        """A signal that comes a moment too late finds the next node under way: one more is changed."""
        site.write(four(site.text))
        ended, nodes = stopped(site, event, step, node)
        changed = {n["node"] for n in nodes if n["what"] == "changed"}
        assert changed == set(ORDER[: len(changed)]) and least <= len(changed) <= least + 1
        assert all(n["serving"] for n in nodes)
        assert ended == 0 if len(changed) == 3 else ended in ((3,) if changed else (1, 3))
        assert site.left_behind() == {}
        assert site.answers() == list(PORTS)
        assert set(site.plan()["order"]) == set(NODES) - changed
        if ended:
            assert site.apply().report["code"] == 0

    def test_while_it_gathers_nothing_is_changed(self, site: Site) -> None:
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json")
        assert process.stdout is not None
        process.stdout.readline()
        interrupt(process)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (1, 130) and "Traceback" not in err, err
        assert site.left_behind() == {}


class TestKilled:
    @pytest.mark.parametrize(
        ("event", "step", "node"),
        [("done", "arm", "lb3"), ("started", "swap", "lb2")],
    )
    def test_the_next_apply_puts_back_and_goes_on(self, site: Site, event: str, step: str, node: str) -> None:
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json")
        run_until(process, event, step, node)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        left = site.left_behind()
        assert "armed" in left[node], left
        assert site.answers() == list(PORTS)
        assert any(problem["code"] == "unfinished" for problem in site.plan()["problems"])
        done = site.apply()
        undone = [line for line in done.lines if line["event"] == "undone"]
        assert [(line["node"], line["good"]) for line in undone] == [(node, True)]
        assert done.report["code"] == 0
        assert site.left_behind() == {}
        assert site.plan()["changes"] == []
        assert site.answers() == list(PORTS)

    def test_an_undo_that_was_cut_off_itself_is_taken_up(self, site: Site) -> None:
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json")
        run_until(process, "started", "verify", "lb3")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # its own unit would take it up within a second
        site.sh("lb3", "systemctl stop lbctl-undo && cd /var/lib/lbctl && mv -T armed undoing")
        assert site.plan()["problems"][0]["code"] == "unfinished"
        assert site.apply().report["code"] == 0
        assert site.left_behind() == {}
        assert site.answers() == list(PORTS)
