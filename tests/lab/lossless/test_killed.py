"""The operator's machine dies at each part of a handover: the nodes get rid of what they had for it.

It costs the clients no more than the VIP's plain move: one request of each connection on the holder.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict

import pytest

from lbctl.host.handover import open_ports, open_probe
from tests.lab.job.steps import Site, eventually, run_until, tell
from tests.lab.lossless.cases import USUAL, Result
from tests.lab.lossless.clusters import IPV4
from tests.lab.lossless.ground import LONGEST, SETTLE, Ground, at_home
from tests.lab.lossless.parts import Part, parts
from tests.lab.lossless.test_cases import ALL
from tests.lab.sampler import sampled

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

WITHIN = 20  # seconds until a node puts itself back
LOOKS = 10
SELECTED = [part for part in parts() if str(part) in ("there, the election", "back, moved")]
VIP = IPV4.vips[0]
Record = Callable[[str, object], None]


def connections(site: Site, node: str) -> int:
    """How many a plain move would cut now, counted as a plan does; of some looks the most."""
    counts = []
    for _ in range(LOOKS):
        said = site.sh(node, open_probe(IPV4.vips).script)
        counts.append(open_ports(said).total())
        time.sleep(0.1)
    return max(counts)


def measured(ground: Ground, name: str, do: Callable[[Site], None], moves: int = 1) -> Result:
    """What it costs; the bound is what so many plain moves cut."""
    site, began = ground.on(IPV4), time.monotonic()
    with (
        sampled(site.lab) as sampler,
        site.lab.load(targets=IPV4.targets, clients=USUAL, seconds=LONGEST) as load,
    ):
        time.sleep(1)
        each = connections(site, "lb1")
        do(site)
        report = load.stop()
    timeline = sampler.timeline(VIP)
    tell(f"{name}: {each} connections on the holder", *report.lines(), *timeline.lines())
    return Result(
        case=name,
        requests=report.requests,
        slow=report.kinds["slow"].requests,
        failed=report.failed,
        bound=moves * each,
        none=timeline.longest(0),
        seconds=time.monotonic() - began,
        good=report.failed <= moves * each,
    )


def test_a_plain_move_is_seen(ground: Ground, record_property: Record) -> None:
    """What the others are measured by: the clients notice it."""

    def plainly(site: Site) -> None:
        done = site.lbctl("restart", "haproxy", "lb1", "--yes", "--drain-timeout", "0")
        assert "plainly, because --drain-timeout is 0" in done.out

    result = measured(ground, "plain, there and back", plainly, moves=2)
    record_property("result", asdict(result))
    assert result.failed > 0 and result.good


@pytest.mark.parametrize("part", parts() if ALL else SELECTED, ids=str)
def test_nothing_is_left(ground: Ground, part: Part, record_property: Record) -> None:
    result = measured(ground, f"killed {part}", lambda site: killed(site, part))
    record_property("result", asdict(result))
    assert result.good


def killed(site: Site, part: Part) -> None:
    """Raises AssertionError where something is left over once the time to confirm has passed."""
    process = site.start("restart", "haproxy", "lb1", "--yes", "--json", "--confirm-within", str(WITHIN))
    try:
        run_until(process, "started", part.step, "lb1")
        site.lab.exec(part.node, ["timeout", "60", "sh", "-c", part.script(VIP)])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    left = site.at_work()
    seconds = eventually(lambda: site.at_work() == {}, WITHIN + SETTLE)
    eventually(lambda: at_home(site, IPV4), SETTLE)
    tell(f"killed {part}: nothing left {seconds:.1f} s later; left {left}")
    assert left
