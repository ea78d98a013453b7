"""The VIP moves, and no client can tell: there and back, under load, with nothing left over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import pytest

from tests.lab.job.steps import NODES, PORTS, VIP, Site, eventually, run_until, tell
from tests.lab.job.test_heals import WITHIN
from tests.lab.job.test_restart import CLIENTS, new, pids
from tests.lab.sampler import sampled

pytestmark = pytest.mark.lab

TARGETS = [f"{VIP}:{port}" for port in PORTS]
RUNS = 3


def moved(holders: Sequence[tuple[str, ...]]) -> list[str]:
    """The nodes that had the VIP, one after the other."""
    alone = [names[0] for names in holders if len(names) == 1]
    return [node for number, node in enumerate(alone) if number == 0 or alone[number - 1] != node]


class TestRestart:
    @pytest.mark.parametrize("run", range(RUNS))
    def test_haproxy_on_every_node(self, site: Site, run: int) -> None:
        """New, kept-alive and 2-second requests: HAProxy restarts under all of them, on the master too."""
        before = pids(site)
        with sampled(site.lab) as sampler, site.lab.load(targets=TARGETS, clients=60, seconds=150) as load:
            done = site.lbctl("restart", "haproxy", "--yes", "--json")
            report = load.stop()
        timeline = sampler.timeline(VIP)
        said = [line["said"] for line in done.lines if line["event"] == "done" and "lossless" in line["said"]]
        tell(f"restart haproxy, {done.seconds:.1f} s:", *said, *report.lines(), *timeline.lines())
        assert new(before, pids(site)) == {(node, "haproxy") for node in NODES}
        assert moved(timeline.holders) == ["lb1", "lb2", "lb1"]
        assert len(said) == 2
        assert report.failed == 0, report.lines()
        assert site.left_behind() == {}


def has_table(site: Site, node: str) -> bool:
    return "table ip lbctl_handover" in site.sh(node, "nft list tables")


def on_lo(site: Site, node: str) -> bool:
    return VIP in site.sh(node, "ip -o addr show dev lo")


KILLED: dict[str, tuple[str, Callable[[Site], bool]]] = {
    "before the move": ("handover", lambda site: has_table(site, "lb2") and on_lo(site, "lb1")),
    "after the move": ("handover", lambda site: site.holders() == ("lb2",)),
    "before the way back": ("undrain", lambda site: has_table(site, "lb1") and on_lo(site, "lb2")),
    "after the way back": ("undrain", lambda site: site.holders() == ("lb1",)),
}


class TestKilled:
    @pytest.mark.parametrize("moment", KILLED)
    def test_nothing_is_left_over_after_the_deadline(self, site: Site, moment: str) -> None:
        """And it costs the clients no more than the VIP's plain moves would have."""
        step, reached = KILLED[moment]
        with sampled(site.lab) as sampler, site.load() as load:
            process = site.start(
                "restart", "haproxy", "lb1", "--yes", "--json", "--confirm-within", str(WITHIN)
            )
            run_until(process, "started", step, "lb1")
            eventually(lambda: reached(site), 20)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            left = site.left_behind()
            seconds = eventually(lambda: site.left_behind() == {}, WITHIN + 20)
            eventually(lambda: site.holders() == ("lb1",), 20)
            report = load.stop()
        tell(f"killed {moment}: nothing left {seconds:.1f} s later; left {left}", *report.lines())
        tell(*sampler.timeline(VIP).lines())
        assert left
        assert report.failed <= 2 * CLIENTS, report.lines()
        site.lbctl("restart", "haproxy", "lb1", "--yes")
        assert site.left_behind() == {}
