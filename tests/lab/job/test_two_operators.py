"""Two applies at once, from two workspaces: the lock says who works; a holder that dies blocks nobody."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab.job.steps import PORTS, Site, four, run_until, tell

pytestmark = pytest.mark.lab


@pytest.fixture
def colleague(site: Site, tmp_path: Path) -> Site:
    """Somebody else's workspace: the same cluster file, and nothing that lbctl ever wrote."""
    other = replace(site, root=tmp_path)
    other.write(four(site.text))
    return other


def standing(site: Site) -> list[Any]:
    """The nodes, as `lbctl status` sees them."""
    nodes: list[Any] = site.lbctl("status", "--json").document["nodes"]
    return nodes


class TestInMidApply:
    def test_the_second_is_refused_by_name_and_gets_in_when_the_holder_is_killed(
        self, site: Site, colleague: Site
    ) -> None:
        serials = {node["node"]: node["serial"] for node in standing(site)}
        site.write(four(site.text))
        first = site.start("apply", "--yes", "--json")
        seen = run_until(first, "started", "verify", "lb2")
        os.killpg(first.pid, signal.SIGSTOP)  # it gets no further while the second one tries
        plan = next(line["plan"] for line in seen if line["event"] == "planned")
        second = colleague.apply(code=1)
        status = standing(colleague)
        os.killpg(first.pid, signal.SIGKILL)
        began = time.monotonic()
        first.communicate()
        third = colleague.apply()
        seconds = time.monotonic() - began

        assert "somebody else is at work on it" in second.err
        assert f"@{os.uname().nodename} apply of plan {plan} 20" in second.err, second.err
        assert [node["lock"]["what"] for node in status] == [f"apply of plan {plan}"] * 3
        assert {node["node"]: node["armed"] for node in status} == {"lb1": None, "lb2": plan, "lb3": None}
        assert {node["node"]: node["serial"] for node in status} == serials | {"lb3": serials["lb3"] + 1}

        undone = [(line["node"], line["good"]) for line in third.lines if line["event"] == "undone"]
        assert undone == [("lb2", True)]
        assert third.report["code"] == 0
        tell(f"in, put back and converged {seconds:.1f} s after the holder was killed")
        assert colleague.plan()["changes"] == []
        assert site.left_behind() == {}
        assert site.answers() == list(PORTS)
