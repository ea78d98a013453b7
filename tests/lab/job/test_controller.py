"""A controller goes, and nobody notices; what an operator took out by hand stays out, whatever lbctl does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.job.steps import ALLOW_ALL, HEAT, NODES, PORTS, VIP, Site, eventually, four, run_until, tell
from tests.lab.job.test_failures import port_taken
from tests.lab.job.test_heals import WITHIN
from tests.lab.job.test_lossless import SIZE, downloads

pytestmark = pytest.mark.lab

SOCKET = "socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock"
API = "keystone-public-api"
BACKENDS = 9
MAINT, OUT = f"{API}/mesa-virt-01", "glance-api/mesa-virt-02"
LIGHT = "cinder-api/mesa-virt-02"
BY_HAND = {MAINT: (1, 1), OUT: (8, 1), LIGHT: (0, 0)}  # administrative state, 1 = maint, 8 = drain; weight
BEATS = 20  # seconds until a node takes silence for death
DEAD, DEAD_PORTS = "mesa-virt-03", 9
MOVED = ("mesa-virt-03: 10.15.85.143", "mesa-virt-03: 10.15.85.144")


def states(site: Site, node: str) -> dict[str, tuple[int, int, int]]:
    """By BACKEND/SERVER: is it up, its administrative state, its weight."""
    said = site.sh(node, f"echo 'show servers state' | {SOCKET}").splitlines()
    rows = [line.split() for line in said if line[:1].isdigit() and " " in line]
    return {f"{row[1]}/{row[3]}": (int(row[5]), int(row[6]), int(row[7])) for row in rows}


def down(site: Site, node: str) -> set[str]:
    return {name for name, (up, _, _) in states(site, node).items() if not up}


def set_server(site: Site, *words: str) -> None:
    for node in NODES:
        for word in words:
            site.sh(node, f"echo 'set server {word}' | {SOCKET}")


def by_hand(site: Site) -> dict[str, dict[str, tuple[int, int]]]:
    """What is there of `BY_HAND`, by node."""
    every = {node: states(site, node) for node in NODES}
    return {node: {name: found[name][1:] for name in BY_HAND} for node, found in every.items()}


@contextmanager
def taken_out(site: Site) -> Iterator[None]:
    """On all nodes: a server in maint, one drained, one without weight."""
    set_server(site, f"{MAINT} state maint", f"{OUT} state drain", f"{LIGHT} weight 0%")
    assert by_hand(site) == dict.fromkeys(NODES, BY_HAND)
    try:
        yield
    finally:
        set_server(site, f"{MAINT} state ready", f"{OUT} state ready", f"{LIGHT} weight 100%")


def drained(site: Site, node: str) -> set[str]:
    return {name for name, (_, admin, _) in states(site, node).items() if admin & 8}


def busy(site: Site) -> bool:
    """Has a node something to put back still, or is at it?"""
    return any("armed" in said or "undoing" in said for said in site.left_behind().values())


class TestRemoved:
    @pytest.mark.parametrize("daemon", ["reload", "restart"])
    def test_under_long_requests(self, site: Site, daemon: str) -> None:
        """A restart moves the VIP there and back meanwhile, between nodes that wait for their turn."""
        limits = "/etc/systemd/system/haproxy.service.d/limits.conf"
        more = f'  {limits}: {{content: "[Service]\\nLimitNOFILE=100000\\n", after: restart haproxy}}\n'
        site.write(four(site.text))
        site.apply()
        site.write(site.text + (more if daemon == "restart" else ""))
        targets = [f"{VIP}:{port}" for port in PORTS]
        with site.lab.load(targets=targets, clients=60, pause=0.005) as load:
            done = site.apply()
            report = load.stop()
        steps = [
            line for line in done.lines if (line["event"], line.get("step")) == ("done", "drain-servers")
        ]
        tell(f"controller removed by a {daemon}, {done.seconds:.1f} s:", *report.lines())
        tell(*(f"{line['node']}: {line['said']}" for line in steps))
        assert {line["node"] for line in steps} == set(NODES)
        assert all(
            f"mesa-virt-04 of {BACKENDS} backends: all sessions ended" in line["said"] for line in steps
        )
        assert not next(line for line in steps if line["node"] == "lb1")["said"].endswith(" 0.0 s")
        assert report.failed == 0, report.lines()
        assert done.report["probe"]["failed"] == 0, done.report["probe"]
        asked = {step["step"]: step["asked"] for step in done.report["probe"]["steps"]}
        assert asked["drain-servers"] > 0, asked
        assert all(drained(site, node) == set() for node in NODES)
        assert all(name.rpartition("/")[2] != "mesa-virt-04" for node in NODES for name in states(site, node))
        assert site.plan()["changes"] == [] and site.left_behind() == {}

    def test_replaced_by_another_address(self, site: Site) -> None:
        site.write(site.text.replace(*MOVED))
        with site.load() as load:
            done = site.apply()
            report = load.stop()
        tell(f"controller replaced, {done.seconds:.1f} s:", *report.lines())
        assert ("lb1", "drain-servers") in done.steps()
        assert report.failed == 0, report.lines()
        assert all(drained(site, node) == set() for node in NODES) and site.left_behind() == {}

    def test_what_lasts_longer_is_said_and_goes_on(self, site: Site) -> None:
        """A reload's old process ends what is open: nothing is cut."""
        site.write(four(site.text))
        site.apply()
        site.write(site.text)
        with downloads(site) as sizes, downloads(site) as more:
            done = site.apply("--drain-timeout", "1")
        (said,) = (
            line["said"]
            for line in done.lines
            if (line["event"], line.get("step"), line.get("node")) == ("done", "drain-servers", "lb1")
        )
        tell(said, f"bytes of {SIZE}: {sizes} {more}")
        assert f"still open: 1 of {API}" in said or f"still open: 2 of {API}" in said
        assert set(sizes + more) == {SIZE}

    def test_the_plan_says_it_and_what_goes_without(self, site: Site) -> None:
        site.write(four(site.text))
        site.apply()
        site.write(site.text)
        plan = site.plan()
        steps = [step for step in plan["steps"] if step["step"] == "drain-servers"]
        assert [step["node"] for step in steps] == ["lb3", "lb2", "lb1"]
        assert steps[0]["text"].startswith(f"mesa-virt-04 of {BACKENDS} backends: no new sessions")
        path = site.sh("lb2", "command -v socat").strip()
        site.sh("lb2", f"mv {path} {path}.away")
        try:
            said = site.lbctl("plan").out
        finally:
            site.sh("lb2", f"mv {path}.away {path}")
        assert "lb2: mesa-virt-04 of 9 backends is not drained" in " ".join(said.split())

    def test_lbctl_dies_while_it_drains(self, site: Site) -> None:
        site.write(four(site.text))
        site.apply()
        was = {node: site.snapshot(node) for node in NODES}
        site.write(site.text)
        with taken_out(site), downloads(site), downloads(site):
            process = site.start("apply", "--yes", "--json", "--confirm-within", str(WITHIN))
            run_until(process, "started", "drain-servers", "lb1")
            fourth = {f"{API}/mesa-virt-04", "cinder-api/mesa-virt-04"}
            eventually(lambda: all(fourth < drained(site, node) for node in NODES), 10)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            assert set(site.left_behind()) == set(NODES)
            seconds = eventually(lambda: not busy(site), WITHIN + BEATS + 5)
            tell(f"killed while it drained: ready again {seconds:.1f} s later")
            assert all(drained(site, node) == {OUT} for node in NODES)
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND)
        assert {node: site.snapshot(node) for node in NODES} == was
        site.apply()

    def test_one_node_fails_and_the_others_take_it_back(self, site: Site) -> None:
        site.write(four(site.text))
        site.apply()
        site.write(site.text.replace(*HEAT))
        with taken_out(site), port_taken(site, "lb2", 8004):
            done = site.apply(code=3)
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND)
            assert all(drained(site, node) == {OUT} for node in NODES)
            assert site.left_behind().keys() == set(NODES)  # what was drained by hand
        assert {line["node"]: line["good"] for line in done.lines if line["event"] == "undone"} == (
            {"lb2": True, "lb1": True}
        )
        site.apply()


class TestByHand:
    def test_over_a_reload_a_restart_and_a_handover(self, site: Site) -> None:
        with taken_out(site):
            site.write(site.text.replace("maxconn 10000", "maxconn 11000"))
            site.apply()
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND), "after a reload"
            site.write(site.text)
            site.apply()
            done = site.lbctl("restart", "haproxy", "--yes", "--json")
            assert ("lb1", "handover") in done.steps()
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND), "after a restart, and the VIP's move"
            site.lbctl("drain", "lb1")
            site.lbctl("undrain", "lb1")
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND), "after a drain and an undrain"

    def test_over_an_undo_by_the_node_itself(self, site: Site) -> None:
        """Of a server whose line changes too: by then the change was loaded."""
        site.write(site.text.replace("mesa-virt-01: 10.15.85.141", "mesa-virt-01: 10.15.85.144"))
        with taken_out(site):
            process = site.start("apply", "--yes", "--json", "--confirm-within", str(WITHIN))
            run_until(process, "done", "swap", "lb3")
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            eventually(lambda: not busy(site), WITHIN + BEATS + 5)
            assert by_hand(site) == dict.fromkeys(NODES, BY_HAND)

    def test_a_dead_one_stays_dead_over_an_undo(self, site: Site) -> None:
        """After a reload without it, it would count as up for as long as `inter`, 10 s here."""
        site.lab.controller_stop(DEAD)
        try:
            eventually(lambda: all(len(down(site, node)) == DEAD_PORTS for node in NODES), 60)
            site.write(site.text.replace(*HEAT))
            with port_taken(site, "lb3", 8004):
                site.apply(code=3)
                assert len(down(site, "lb3")) == DEAD_PORTS
        finally:
            site.lab.controller_start(DEAD)
            eventually(lambda: not any(down(site, node) for node in NODES), 60)

    def test_one_that_comes_back_does_not_stop_an_apply(self, site: Site) -> None:
        """The node under way has seen fewer good checks of it than another one."""
        site.lab.controller_stop(DEAD)
        try:
            eventually(lambda: all(len(down(site, node)) == DEAD_PORTS for node in NODES), 60)
        finally:
            site.lab.controller_start(DEAD)
        eventually(lambda: bool(down(site, "lb3") - down(site, "lb1")), 60)
        site.write(site.text.replace(*HEAT))
        site.apply()
        assert site.plan()["changes"] == []

    def test_no_dump_is_left_for_a_haproxy_that_restarts_by_itself(self, site: Site) -> None:
        with taken_out(site):
            site.write(site.text.replace("maxconn 10000", "maxconn 12000"))
            site.apply("--allow", ALLOW_ALL)
            assert site.sh("lb3", "ls /var/lib/lbctl/server-state 2>/dev/null; :") == ""
            before = site.pids("lb3", "haproxy")
            site.sh("lb3", f"kill -9 {before}")
            eventually(lambda: site.pids("lb3", "haproxy") not in ("0", before) and site.listens("lb3"), 10)
            assert states(site, "lb3")[MAINT][1] == 0
