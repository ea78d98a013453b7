"""A controller goes while each node holds a VIP: the one that waits attends the other's handover."""

from __future__ import annotations

import pytest

from lbctl.lab.spec import join
from tests.lab.job.steps import tell
from tests.lab.serving.rig import Rig
from tests.lab.serving.test_lossless import left
from tests.lab.serving.test_networks import PLACES

pytestmark = pytest.mark.lab

TWO = "controllers: {c1: 10.20.0.21, c2: 10.20.0.22}"
ONE = "controllers: {c1: 10.20.0.21}"
LIMITS = "/etc/systemd/system/haproxy.service.d/limits.conf"
RESTART = f'files: {{{LIMITS}: {{content: "[Service]\\nLimitNOFILE=100000\\n", after: restart haproxy}}}}'
STATES = "echo 'show servers state' | socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock"


def test_between_two_masters(two_vips: Rig) -> None:
    targets = [join(*place) for place in PLACES["two-vips"]]
    with two_vips.changed(TWO, f"{ONE}\n{RESTART}"):
        with two_vips.lab.load(targets=targets, clients=30, seconds=150) as load:
            done = two_vips.run("apply", "--yes", "--allow", "shrink")
            report = load.stop()
        tell(*[line for line in done.out.splitlines() if "drain-servers" in line], *report.lines())
        assert done.code == 0, done.all
        assert not any(" c2 " in two_vips.sh(node, STATES) for node in two_vips.nodes)
    back = two_vips.run("apply", "--yes")
    assert back.code == 0, back.all
    assert report.failed == 0, report.lines()
    assert left(two_vips) == ""
