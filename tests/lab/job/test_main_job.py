"""From bare nodes to a serving cluster, and what a failure of HAProxy does to it."""

from __future__ import annotations

import time

import pytest

from tests.lab.job.conftest import First
from tests.lab.job.steps import NODES, PORTS, Site, eventually, settle_bound, tell

pytestmark = pytest.mark.lab


class TestBareNodes:
    def test_one_plan_and_one_apply_serve_every_port(self, first: First) -> None:
        assert {view["role"] for view in first.plan["nodes"]} == {"no keepalived"}
        assert first.plan["summary"]["delete"] == 0
        assert first.apply.report["code"] == 0
        assert all(node["serving"] for node in first.apply.report["nodes"])
        tell(f"bare to serving: {first.apply.seconds:.1f} s")
        assert first.answers == list(PORTS)
        assert first.holders == ("lb1",)

    def test_the_nodes_are_as_desired(self, site: Site) -> None:
        for node in NODES:
            assert site.sh(node, "sysctl -n net.ipv4.ip_nonlocal_bind") == "1"
            units = "systemctl is-enabled haproxy keepalived; systemctl is-active haproxy keepalived"
            assert site.sh(node, units).split() == ["enabled", "enabled", "active", "active"]
        assert site.left_behind() == {}

    def test_the_plan_after_is_empty_twice(self, site: Site) -> None:
        for _ in range(2):
            plan = site.plan("--detailed-exitcode")
            assert plan["changes"] == [] and plan["steps"] == []
        said = site.lbctl("plan").out
        assert said.splitlines()[-1] == f"No changes. Cluster {site.name} is as its file says."
        assert "nothing" not in site.lbctl("apply", "--yes").err

    def test_a_reboot_keeps_everything(self, site: Site) -> None:
        site.lab.reboot("lb3")
        assert site.sh("lb3", "sysctl -n net.ipv4.ip_nonlocal_bind") == "1"
        eventually(
            lambda: site.sh("lb3", "systemctl is-active haproxy keepalived", check=False) == "active\nactive",
            20,
        )
        assert site.plan("--detailed-exitcode")["changes"] == []


class TestFailover:
    def test_haproxy_dead_for_good_moves_the_vip_and_back(self, site: Site) -> None:
        killed = time.time()
        site.sh("lb1", "systemctl mask --runtime -q haproxy && systemctl kill -s KILL haproxy", check=False)
        eventually(lambda: site.holders() == ("lb2",), 2 * settle_bound())
        away = site.became_master("lb2") - killed
        assert site.answers() == list(PORTS)
        site.sh(
            "lb1",
            "systemctl unmask --runtime -q haproxy; systemctl reset-failed haproxy; systemctl start haproxy",
        )
        returned = time.time()
        eventually(lambda: site.holders() == ("lb1",), 2 * settle_bound())
        back = site.became_master("lb1") - returned
        tell(f"VIP away after {away:.2f} s, back after {back:.2f} s; bound {settle_bound()} s")
        assert away <= settle_bound() and back <= settle_bound()

    def test_haproxy_killed_and_restarted_by_systemd_does_not(self, site: Site) -> None:
        before = site.pids("lb1", "haproxy")
        site.sh("lb1", "systemctl kill -s KILL haproxy")
        eventually(lambda: site.pids("lb1", "haproxy") not in ("0", before), 10)
        with pytest.raises(AssertionError):
            eventually(lambda: site.holders() != ("lb1",), settle_bound())
        assert site.answers() == list(PORTS)
