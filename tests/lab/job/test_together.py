"""What VRRP peers compare, changed on real nodes: never two holders, never none, no failed request."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from lbctl.lab.lab import Load
from lbctl.rollout.run import AHEAD_SECONDS
from tests.lab.job.steps import NODES, PORTS, VIP, Site, cluster_text, eventually, run_until, tell
from tests.lab.job.test_heals import cut, free, reported, what
from tests.lab.sampler import Timeline, sampled

pytestmark = pytest.mark.lab

SAMPLE = 0.05  # seconds: two samples in a row would see what lasts longer
# keepalived drops the address of a router that is new to it; the node puts it back, and answers for it
# meanwhile. A busy machine needs longer for that than for nothing at all
PUT_BACK = 0.25
SECOND = "10.15.85.39"
WITHIN = 30

PASSWORD = "      authentication: {auth_type: PASS, auth_pass: Kp3mTn5r}\n"
PEERS = "      unicast_peer: ${node.peers}\n"
VIPS = f"virtual_ipaddress: [{VIP}]"
BOTH = f"virtual_ipaddress: [{VIP}, {SECOND}]"
# HAProxy's part of a second VIP goes node by node, before it
BINDS = ("service_defaults: {", f"service_defaults: {{bind: [{VIP}, {SECOND}], ")
ADVERT = "      advert_int: 1\n"
ROUTER = ("virtual_router_id: 47", "virtual_router_id: 48")


@dataclass(frozen=True)
class Kind:
    """A change that all nodes have to take together, there and back."""

    name: str
    changes: tuple[tuple[str, str], ...]
    ports: tuple[int, ...] = ()  # that answer at the second VIP afterwards
    none: float = SAMPLE  # seconds

    def __str__(self) -> str:
        return self.name


KINDS = (
    Kind("a VIP", ((VIPS, BOTH), BINDS), PORTS),
    Kind("advert_int", ((ADVERT, "      advert_int: 2\n"),)),
    Kind("auth_pass", ((ADVERT, ADVERT + PASSWORD),)),
    Kind("virtual_router_id", (ROUTER,), none=PUT_BACK),
    Kind("multicast to unicast", ((ADVERT, ADVERT + PEERS),), none=PUT_BACK),
)


def never_two_never_none(timeline: Timeline, none: float = PUT_BACK) -> None:
    said = "\n".join(timeline.lines())
    assert timeline.longest(2) < SAMPLE and timeline.longest(3) < SAMPLE, said
    assert timeline.longest(0) < none, said


def cost(load: Load) -> str:
    return f"{load.report.failed} of {load.report.requests} requests failed"


def gaps(timeline: Timeline) -> str:
    none, two = (timeline.longest(number) * 1000 for number in (0, 2))
    return f"no holder for {none:.1f} ms at most, two for {two:.1f} ms"


def taken(lines: list[Any]) -> Any:
    return next(line for line in lines if line["event"] == "taken")


class TestTaken:
    @pytest.mark.parametrize("kind", KINDS, ids=str)
    def test_there_and_back_under_load(self, site: Site, kind: Kind) -> None:
        with sampled(site.lab) as sampler, site.load() as load:
            time.sleep(0.5)
            site.write(cluster_text(site.name, *kind.changes))
            there = site.apply()
            assert site.answers(SECOND) == list(kind.ports)
            site.write(site.text)
            back = site.apply("--allow", "vip-removed")
            time.sleep(0.5)
        report, timeline = load.report, sampler.timeline(VIP)
        spreads = [taken(done.lines)["spread"] * 1000 for done in (there, back)]
        tell(
            f"{kind.name}, there and back: {cost(load)}; {there.seconds:.1f} and {back.seconds:.1f} s",
            f"taken within {spreads[0]:.0f} and {spreads[1]:.0f} ms; {gaps(timeline)}",
        )
        never_two_never_none(timeline, kind.none)
        assert report.failed == 0, report
        assert {holders for holders in timeline.holders if holders} == {("lb1",)}
        for done in (there, back):
            nodes = {node["node"]: node["what"] for node in done.report["nodes"]}
            assert nodes == dict.fromkeys(NODES, "changed")
        assert not site.plan()["changes"]
        assert all("10.15.85" not in site.sh(node, "ip -o addr show dev lo") for node in NODES)

    def test_backups_first_makes_two(self, site: Site) -> None:
        """Why: the same file, reloaded on one backup alone."""
        file = "/etc/keepalived/keepalived.conf"
        with sampled(site.lab) as sampler:
            site.sh("lb3", f"cp -a {file} /root/kept; sed -i 's/^ *{VIP}$/&\\n{SECOND}/' {file}")
            try:
                site.sh("lb3", "systemctl reload keepalived")
                eventually(lambda: site.holders() == ("lb1", "lb3"), 10)
                time.sleep(1)
            finally:
                site.sh("lb3", f"cp -a /root/kept {file}; systemctl reload keepalived; rm /root/kept")
            eventually(lambda: site.holders() == ("lb1",), 10)
        two = sampler.timeline(VIP).longest(2)
        tell(f"backups first: two holders for {two:.1f} s")
        assert two > 1


def begun(site: Site, step: str, node: str, *words: str) -> subprocess.Popen[str]:
    """An apply of another virtual router that has just ended this step."""
    site.write(site.text.replace(*ROUTER))
    process = site.start("apply", "--yes", "--json", *words)
    run_until(process, "done", step, node)
    return process


def loaded_again(site: Site) -> bool:
    """Do all nodes have the old file, and one of them the VIP?"""
    file = "/etc/keepalived/keepalived.conf"
    said = [site.sh(node, f"grep 'virtual_router_id 47' {file}", check=False) for node in NODES]
    return all(said) and site.holders() == ("lb1",)


@contextmanager
def unharmed(site: Site, said: str) -> Iterator[None]:
    """Whatever is done meanwhile: no request fails, and never do two nodes hold the VIP."""
    with sampled(site.lab) as sampler, site.load() as load:
        yield
        time.sleep(0.5)
    timeline = sampler.timeline(VIP)
    tell(f"{said}: {cost(load)}", *timeline.lines())
    never_two_never_none(timeline)
    assert load.report.failed == 0


@pytest.fixture
def kept(site: Site) -> Iterator[Site]:
    """The cluster, whose nodes are at the end as they were."""
    before = {node: site.snapshot(node) for node in NODES}
    yield site
    assert {node: site.snapshot(node) for node in NODES} == before


def healed(site: Site) -> None:
    """Wait until all have put themselves back, and say when."""
    seconds = eventually(lambda: loaded_again(site) and not site.left_behind(), WITHIN + 30)
    tell(f"all three back {seconds:.1f} s later (--confirm-within {WITHIN})")


class TestUndone:
    def test_one_that_does_not_verify_puts_all_back(self, kept: Site) -> None:
        with unharmed(kept, "lb2 did not verify, all three back"):
            process = begun(kept, "take", "lb2")
            kept.sh("lb2", "systemctl stop haproxy")
            out, err = process.communicate(timeout=100)
        report = json.loads(out.splitlines()[-1])
        assert (report["code"], what(report)) == (3, dict.fromkeys(NODES, "undone")), (out, err)
        assert "haproxy is not active" in report["summary"]

    def test_one_that_is_cut_off_and_all_put_themselves_back(self, kept: Site) -> None:
        with unharmed(kept, "SSH to lb2 cut"):
            process = begun(kept, "take", "lb2", "--confirm-within", str(WITHIN))
            with cut(kept, "lb2"):
                healed(kept)
            report = reported(process)
        assert (report["code"], what(report)) == (3, dict.fromkeys(NODES, "undone"))
        assert free(kept, "lb2")  # taken again on the new connection

    def test_a_backup_that_reboots_in_the_middle(self, kept: Site) -> None:
        with unharmed(kept, "lb2 rebooted in the middle"):
            process = begun(kept, "take", "lb2")
            kept.lab.reboot("lb2")
            report = reported(process)
        assert (report["code"], what(report)) == (3, dict.fromkeys(NODES, "undone"))

    def test_the_operator_dies(self, kept: Site) -> None:
        with unharmed(kept, "lbctl killed"):
            process = begun(kept, "take", "lb2", "--confirm-within", str(WITHIN))
            process.kill()
            process.communicate()
            healed(kept)

    def test_the_operator_dies_before_the_instant_and_none_takes_it(self, kept: Site) -> None:
        with unharmed(kept, "lbctl killed before the instant"):
            before = {node: reloads(kept, node) for node in NODES}
            process = begun(kept, "swap", "lb2", "--confirm-within", str(WITHIN))
            run_until(process, "started", "take", "lb1")
            time.sleep(0.5)  # the nodes have been told, and wait
            process.kill()
            process.communicate()
            time.sleep(AHEAD_SECONDS + 1)
            assert {node: reloads(kept, node) for node in NODES} == before
            healed(kept)

    def test_the_next_apply_at_once_puts_all_back_and_begins_anew(self, site: Site) -> None:
        with unharmed(site, "lbctl killed, and the next apply at once"):
            process = begun(site, "take", "lb2")
            process.kill()
            process.communicate()
            done = site.apply()
        undone = {line["node"]: line["good"] for line in done.lines if line["event"] == "undone"}
        assert undone == dict.fromkeys(NODES, True)
        assert what(done.report) == dict.fromkeys(NODES, "changed")


def reloads(site: Site, node: str) -> int:
    """How often its keepalived has read its file anew."""
    return int(site.sh(node, "journalctl -q -o cat -u keepalived | grep -c '^Reloading' || :"))
