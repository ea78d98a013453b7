"""The VIP moves, and no client can tell: there and back, under load, with nothing left over."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from lbctl.lab.load_report import LoadReport
from tests.lab.job.steps import ALLOW_ALL, NODES, PORTS, VIP, Site, eventually, tell
from tests.lab.job.test_restart import new, pids
from tests.lab.sampler import Timeline, sampled

pytestmark = pytest.mark.lab

TARGETS = [f"{VIP}:{port}" for port in PORTS]
KINDS = ("new", "keep-alive", "slow", "idle")
DOWNLOADS, SIZE = 3, 1_000_000
GONE = "10.15.85.240"  # an address of a client that goes
# it begins another request before HAProxy ends its connection
OWN_CLIENT = f"""
: since own client
trap "" PIPE
while exec 5<>/dev/tcp/{VIP}/5000; do
  while printf "HEAD / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" >&5; do sleep 1; done
done"""


def moved(holders: Sequence[tuple[str, ...]]) -> list[str]:
    """The nodes that had the VIP, one after the other."""
    alone = [names[0] for names in holders if len(names) == 1]
    return [node for number, node in enumerate(alone) if number == 0 or alone[number - 1] != node]


UNICAST = ("      advert_int: 1\n", "      advert_int: 1\n      unicast_peer: ${node.peers}\n")
STOP = ("drain, ", "")  # without a drain file keepalived is stopped for it


def restarted(site: Site, *daemons: str, clients: int = 60) -> tuple[Timeline, LoadReport]:
    """Under all kinds of requests; says how the VIP moved each time."""
    before = pids(site)
    with (
        sampled(site.lab) as sampler,
        site.lab.load(targets=TARGETS, kinds=KINDS, clients=clients, seconds=150) as load,
    ):
        done = site.lbctl("restart", *daemons, "--yes", "--json")
        report = load.stop()
    timeline = sampler.timeline(VIP)
    said = [line["said"] for line in done.lines if line["event"] == "done" and "lossless" in line["said"]]
    tell(f"restart {' '.join(daemons)}, {done.seconds:.1f} s:", *said, *report.lines(), *timeline.lines())
    assert new(before, pids(site)) >= {(node, daemon) for node in NODES for daemon in daemons}
    assert moved(timeline.holders) == ["lb1", "lb2", "lb1"]
    assert len(said) == 2 and not any("not losslessly" in one for one in said)
    assert site.left_behind() == {}
    return timeline, report


@contextmanager
def downloads(site: Site) -> Iterator[list[int]]:
    """Some of 20 s, under way before the body begins; at its end how many bytes each has brought."""
    url = f"http://{VIP}:5000/stream?seconds=20&size={SIZE}"
    curl = f"curl -s -m 30 -o /dev/null -w '%{{size_download}}' '{url}'; :"
    sizes: list[int] = []
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        running = [pool.submit(site.sh, "client", curl) for _ in range(DOWNLOADS)]
        time.sleep(1)
        yield sizes
        sizes += [int(one.result()) for one in running]


class TestRestart:
    def test_haproxy(self, site: Site) -> None:
        """The lower one of two backups never has the VIP, and nobody is without one."""
        timeline, report = restarted(site, "haproxy")
        assert report.failed == 0, report.lines()
        assert timeline.longest(0) < 0.05 and timeline.longest(2) < 0.05

    def test_of_two_hundred_clients(self, site: Site) -> None:
        _, report = restarted(site, "haproxy", clients=200)
        assert report.failed == 0, report.lines()

    def test_both_daemons(self, site: Site) -> None:
        _, report = restarted(site, "keepalived", "haproxy")
        assert report.failed == 0, report.lines()

    @pytest.mark.parametrize("change", [UNICAST, STOP], ids=["unicast", "stop"])
    def test_of_another_cluster(self, site: Site, change: tuple[str, str]) -> None:
        assert change[0] in site.text
        site.write(site.text.replace(*change))
        site.apply("--allow", ALLOW_ALL)
        eventually(lambda: site.holders() == ("lb1",), 20)
        _, report = restarted(site, "haproxy")
        assert report.failed == 0, report.lines()

    def test_uploads_and_downloads_end_too(self, site: Site) -> None:
        with (
            site.lab.load(targets=TARGETS, kinds=("upload", "download"), clients=10, seconds=100) as load,
            downloads(site) as sizes,
        ):
            site.lbctl("restart", "haproxy", "lb1", "--yes")
            report = load.stop()
        tell("uploads of 1 MB, downloads of 5 s:", *report.lines(), f"downloads of 20 s, bytes: {sizes}")
        assert report.failed == 0, report.lines()
        assert sizes == [SIZE] * DOWNLOADS


class TestOwnClients:
    def test_of_the_nodes_are_said_beforehand_and_not_waited_for(self, site: Site) -> None:
        """One is on the holder, one on the node that gets the VIP, which answers it as a stranger."""
        for node in ("lb1", "lb2"):
            site.sh(node, f"setsid nohup bash -c '{OWN_CLIENT}' >/dev/null 2>&1 </dev/null &")
        try:
            with site.load() as load:
                done = site.lbctl("restart", "haproxy", "lb1", "--yes")
                report = load.stop()
        finally:
            for node in ("lb1", "lb2"):
                site.sh(node, "pkill -f '[s]ince own client'", check=False)
        tell("a client on lb1, one on lb2:", done.out, *report.lines())
        said = " ".join(done.out.split())
        assert "may be cut as the VIP moves (1 on lb1, 1 on lb2)" in said
        assert "moved to lb2 losslessly" in said and "not losslessly" not in said
        assert report.failed == 0, report.lines()


class TestGoneClients:
    def test_nobody_waits_for_them(self, site: Site) -> None:
        """HAProxy answers, closes, and nobody is there: the kernel goes on sending for more than a minute."""
        url = f"http://{VIP}:5000/slow?seconds=2"
        site.sh("client", f"ip addr add {GONE}/24 dev eth0")
        curl = f"curl -s -m 60 --interface {GONE} -H 'Connection: close' '{url}'"
        site.sh("client", f"setsid nohup {curl} >/dev/null 2>&1 </dev/null &")
        eventually(lambda: GONE in site.sh("lb1", "ss -Htn state established"), 2)
        site.sh("client", f"ip addr del {GONE}/24 dev eth0")
        eventually(lambda: GONE in site.sh("lb1", "ss -Htn state fin-wait-1"), 5)
        done = site.lbctl("restart", "haproxy", "lb1", "--yes", "--json")
        said = next(line["said"] for line in done.lines if line.get("step") == "handover" and "said" in line)
        tell("one client is gone:", said)
        assert "losslessly: all connections ended" in said and "not" not in said


class TestBounded:
    def test_what_lasts_longer_is_cut_and_said(self, site: Site) -> None:
        with downloads(site) as sizes:
            done = site.lbctl("restart", "haproxy", "lb1", "--yes", "--json", "--drain-timeout", "1")
        said = next(line["said"] for line in done.lines if line.get("step") == "handover" and "said" in line)
        tell(said, f"bytes of {SIZE}: {sizes}")
        cut = f"{DOWNLOADS} connections were still open, and were cut: {DOWNLOADS} of keystone-public-vip"
        assert said.endswith(f"after 1 s {cut}")
        assert max(sizes) < SIZE and site.left_behind() == {}

    def test_with_none_it_moves_plainly(self, site: Site) -> None:
        done = site.lbctl("restart", "haproxy", "lb1", "--yes", "--drain-timeout", "0")
        assert "plainly, because --drain-timeout is 0" in done.out and site.left_behind() == {}

    def test_it_has_to_fit_into_the_time_to_confirm(self, site: Site) -> None:
        before = pids(site)
        words = ("--confirm-within", "60", "--drain-timeout", "60")
        said = site.lbctl("restart", "haproxy", "lb1", "--yes", *words, code=1)
        assert "too short for connections to last 60 s" in said.err and "--confirm-within" in said.err
        assert pids(site) == before


class TestPlan:
    def test_without_nft_it_says_so_and_moves_plainly(self, site: Site) -> None:
        path = site.sh("lb3", "command -v nft").strip()
        site.sh("lb3", f"mv {path} {path}.away")
        try:
            done = site.lbctl("restart", "haproxy", "lb1", "--yes")
        finally:
            site.sh("lb3", f"mv {path}.away {path}")
        assert "plain, because lb3: nft is missing" in done.out
        assert "lb1: the VIP moves plainly; its " in done.out and "packages: [nftables]" in done.out
