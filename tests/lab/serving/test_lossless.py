"""HAProxy restarts everywhere while the VIPs move: IPv6, both families, two VIPs with a master each."""

from __future__ import annotations

import pytest

from lbctl.lab.spec import join
from tests.lab.job.steps import tell
from tests.lab.sampler import sampled
from tests.lab.serving.conftest import Brought
from tests.lab.serving.rig import Rig
from tests.lab.serving.test_networks import HOLDS, PLACES

pytestmark = pytest.mark.lab

LEFT = """nft list tables | grep lbctl; ls -d /var/lib/lbctl/armed /var/lib/lbctl/txn 2>/dev/null
ip -o addr show dev lo | grep -v -e ' 127[.]' -e ' ::1/'
grep -Hv 0 /proc/sys/net/ipv4/conf/eth*/arp_ignore /proc/sys/net/ipv4/conf/eth*/arp_announce; :"""


def left(rig: Rig) -> str:
    return "".join(rig.sh(node, LEFT) for node in rig.nodes)


class TestLossless:
    @pytest.mark.parametrize("name", PLACES)
    def test_restart(self, brought: dict[str, Brought], name: str) -> None:
        rig = brought[name].rig
        targets = [join(*place) for place in PLACES[name]]
        with sampled(rig.lab) as sampler, rig.lab.load(targets=targets, clients=60, seconds=150) as load:
            done = rig.run("restart", "haproxy", "--yes")
        vips = [vip for held in HOLDS[name].values() for vip in held]
        how = [line for line in done.out.splitlines() if "lossless" in line]
        tell(f"{name}: restart haproxy", *how, *load.report.lines())
        for vip in vips:
            tell(*sampler.timeline(vip).lines())
        assert done.code == 0, done.all
        assert load.report.failed == 0
        assert all(sampler.timeline(vip).holders[0] == sampler.timeline(vip).holders[-1] for vip in vips)
        assert left(rig) == ""

    @pytest.mark.parametrize("name", ["two-vips", "ipv6-only"])
    def test_drain_and_undrain(self, brought: dict[str, Brought], name: str) -> None:
        rig = brought[name].rig
        targets = [join(*place) for place in PLACES[name]]
        with rig.lab.load(targets=targets, clients=60, seconds=150) as load:
            there = rig.run("drain", "lb1")
            back = rig.run("undrain", "lb1")
        tell(f"{name}: drain, undrain", there.out, back.out, *load.report.lines())
        assert (there.code, back.code) == (0, 0), there.all + back.all
        assert "They moved losslessly" in there.out and "They moved losslessly" in back.out
        assert load.report.failed == 0
        assert left(rig) == ""
