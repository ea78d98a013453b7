"""A change under load: backups before the master, and the VIP moved only where a restart needs it."""

from __future__ import annotations

import pytest

from tests.lab.job.steps import ADVERT, ALLOW_ALL, PORTS, VIP, Site, four, tell, with_files
from tests.lab.sampler import sampled

pytestmark = pytest.mark.lab

HAPROXY = "/etc/haproxy/haproxy.cfg"
DROP_IN = "/etc/systemd/system/{0}.service.d/limits.conf"
LIMITS = '{1}: {{content: "[Service]\\nLimitNOFILE=65536\\n", after: restart {0}}}'


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
        with sampled(site.lab) as sampler, site.load() as load:
            done = site.apply()
            report = load.stop()
        held = sampler.timeline(VIP)
        tell(f"controller added in {done.seconds:.1f} s:", *report.lines())
        assert [node for node, step in done.steps() if step == "swap"] == ["lb3", "lb2", "lb1"]
        assert "handover" not in {step for _, step in done.steps()}
        assert [step for node, step in done.steps() if node == "lb3"] == (
            ["stage", "arm", "drain", "swap", "verify", "undrain", "confirm"]
        )
        assert held.holders == [("lb1",)]
        assert report.failed == 0, report.lines()


class TestHandover:
    @pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
    def test_the_vip_leaves_before_a_restart_and_comes_back(self, site: Site, unit: str) -> None:
        site.write(with_files(site.text, limits(unit)))
        before = site.pids("lb1", unit)
        with sampled(site.lab) as sampler, site.load() as load:
            done = site.apply()
            report = load.stop()
        held = sampler.timeline(VIP)
        tell(f"restart {unit} with a handover, {done.seconds:.1f} s:", *report.lines())
        steps = ["stage", "arm", "handover", "swap", "verify", "undrain", "confirm"]
        assert [step for node, step in done.steps() if node == "lb1"] == steps
        assert site.pids("lb1", unit) != before
        tell(*held.lines())
        assert ("lb2",) in held.holders
        assert held.holders[0] == held.holders[-1] == ("lb1",)
        assert report.failed == 0, report.lines()
        assert held.longest(2) < ADVERT

    def test_without_a_drain_file_keepalived_is_stopped_for_it(self, site: Site) -> None:
        plain = site.text.replace("[stats-socket, drain, server-state, idle-close]", "[stats-socket]")
        site.write(plain)
        site.apply("--allow", ALLOW_ALL)
        site.write(with_files(plain, limits("haproxy"), limits("keepalived")))
        with sampled(site.lab) as sampler:
            done = site.apply()
        held = sampler.timeline(VIP)
        handover = next(
            line for line in done.lines if (line["event"], line.get("step")) == ("done", "handover")
        )
        assert handover["node"] == "lb1" and "stopping" in handover["text"]
        assert ("lb2",) in held.holders and held.holders[-1] == ("lb1",)
        assert site.answers() == list(PORTS)
        assert site.sh("lb1", "systemctl is-active keepalived haproxy") == "active\nactive"
