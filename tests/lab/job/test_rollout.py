"""A change under load: backups before the master, and the VIP moved only where a restart needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.lab.job.steps import ADVERT, ALLOW_ALL, PORTS, Site, four, tell, with_files

pytestmark = pytest.mark.lab

HAPROXY = "/etc/haproxy/haproxy.cfg"
DROP_IN = "/etc/systemd/system/{0}.service.d/limits.conf"
LIMITS = '{1}: {{content: "[Service]\\nLimitNOFILE=65536\\n", after: restart {0}}}'


@dataclass
class Watch:
    """Who held the VIP while something happened: each answer that is not the last one, with its time."""

    seen: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    @property
    def holders(self) -> list[tuple[str, ...]]:
        return [holders for _, holders in self.seen]

    def longest(self, number: int) -> float:
        """Seconds for which that many nodes held it at once."""
        ends = [at for at, _ in self.seen[1:]] + [time.monotonic()]
        spans = zip(self.seen, ends, strict=True)
        return max((end - at for (at, who), end in spans if len(who) == number), default=0.0)


@contextmanager
def watching(site: Site) -> Iterator[Watch]:
    watch, end = Watch(), threading.Event()

    def look() -> None:
        while not end.is_set():
            holders = site.holders()
            if not watch.seen or watch.seen[-1][1] != holders:
                watch.seen.append((time.monotonic(), holders))
            end.wait(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        end.set()
        thread.join()


def limits(unit: str) -> str:
    return LIMITS.format(unit, DROP_IN.format(unit))


class TestAControllerAdded:
    def test_the_plan_names_nine_servers_once_for_all_nodes(self, site: Site) -> None:
        site.write(four(site.text))
        changes = site.plan()["changes"]
        assert [change["address"] for change in changes] == [f"lb{n}/file{HAPROXY}" for n in (1, 2, 3)]
        for change in changes:
            new = [words for words in change["detail"] if "+ server mesa-virt-04" in words]
            assert len(new) == len(change["detail"]) == len(PORTS)
            assert change["impact"] == "reload"
        said = site.lbctl("plan").out
        assert said.count("+ server mesa-virt-04") == len(PORTS), said

    def test_under_load_it_costs_nothing_and_moves_nothing(self, site: Site) -> None:
        site.write(four(site.text))
        with watching(site) as watch, site.load() as load:
            done = site.apply()
            report = load.stop()
        tell(f"controller added in {done.seconds:.1f} s:", *report.lines())
        assert [node for node, step in done.steps() if step == "swap"] == ["lb3", "lb2", "lb1"]
        assert "handover" not in {step for _, step in done.steps()}
        assert [step for node, step in done.steps() if node == "lb3"] == (
            ["stage", "arm", "drain", "swap", "verify", "undrain", "confirm"]
        )
        assert watch.holders == [("lb1",)]
        assert report.failed == 0, report.lines()


class TestHandover:
    @pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
    def test_the_vip_leaves_before_a_restart_and_comes_back(self, site: Site, unit: str) -> None:
        site.write(with_files(site.text, limits(unit)))
        before = site.pids("lb1", unit)
        with watching(site) as watch, site.load() as load:
            done = site.apply()
            report = load.stop()
        tell(f"restart {unit} with a plain handover, {done.seconds:.1f} s:", *report.lines())
        steps = ["stage", "arm", "handover", "swap", "verify", "undrain", "confirm"]
        assert [step for node, step in done.steps() if node == "lb1"] == steps
        assert site.pids("lb1", unit) != before
        assert ("lb2",) in watch.holders
        assert watch.holders[0] == watch.holders[-1] == ("lb1",)
        tell(f"held by: {watch.holders}")
        assert watch.longest(2) < ADVERT, watch.seen

    def test_without_a_drain_file_keepalived_is_stopped_for_it(self, site: Site) -> None:
        plain = site.text.replace("[stats-socket, drain, server-state, idle-close]", "[stats-socket]")
        site.write(plain)
        site.apply("--allow", ALLOW_ALL)
        site.write(with_files(plain, limits("haproxy"), limits("keepalived")))
        with watching(site) as watch:
            done = site.apply()
        handover = next(
            line for line in done.lines if (line["event"], line.get("step")) == ("done", "handover")
        )
        assert handover["node"] == "lb1" and "stopping" in handover["text"]
        assert ("lb2",) in watch.holders and watch.holders[-1] == ("lb1",)
        assert site.answers() == list(PORTS)
        assert site.sh("lb1", "systemctl is-active keepalived haproxy") == "active\nactive"
