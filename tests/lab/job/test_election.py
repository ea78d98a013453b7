"""What the election table says of a real cluster, before and after a plan, and what the cluster does then."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.job.steps import VIP, Site, cluster_text, eventually, tell
from tests.lab.sampler import sampled

pytestmark = pytest.mark.lab

BUSY = 1.0
"""Seconds that the daemons' own work may take on a busy machine."""
ALIVE, DEAD = "alive", "node dead"


def row(table: Mapping[str, Any], *states: str) -> Mapping[str, Any]:
    """The one of the only virtual router for these states of the nodes."""
    [router] = table["routers"]
    assert router["vips"] == [VIP]
    found: Mapping[str, Any] = next(one for one in router["rows"] if tuple(one["states"].values()) == states)
    return found


def test_it_begins_with_who_holds_the_vips_now(site: Site) -> None:
    desired = site.lbctl("election", "--json").document
    assert site.lbctl("election", "--live", "--json").document == desired
    assert desired["routers"][0]["normal"] == [["lb1"]]
    site.lbctl("drain", "lb1")
    try:
        drained = site.lbctl("election", "--live", "--json").document
        assert drained["routers"][0]["normal"] == [[*site.holders()]] == [["lb2"]]
        assert row(drained, ALIVE, DEAD, ALIVE)["ends"] == [["lb3"]]
        assert row(drained, ALIVE, DEAD, DEAD)["ends"] == [["lb1"]]
        assert site.lbctl("election", "--json").document == desired
    finally:
        site.lbctl("undrain", "lb1")


def test_a_plan_says_who_will_take_over_instead_and_so_it_is(site: Site) -> None:
    site.write(cluster_text(site.name, ("priority: 101", "priority: 99")))
    shown = site.lbctl("plan").out
    assert f"Election of {VIP}, before → after\n" in shown
    assert "  dead        alive" in shown and "lb2 → lb3" in shown
    moved = site.plan()["election"]
    before, after = (row(moved[side], DEAD, ALIVE, ALIVE) for side in ("before", "after"))
    assert (before["ends"], after["ends"]) == ([["lb2"]], [["lb3"]])
    assert moved["before"] == without_cluster(site.lbctl("election", "--live", "--json").document)
    site.apply()
    assert moved["after"] == without_cluster(site.lbctl("election", "--live", "--json").document)
    with sampled(site.lab) as sampler:
        began = time.time()
        site.lab.link_down("lb1")
        ended = time.time()
        time.sleep(after["seconds"] + BUSY)
        spans = sampler.timeline(VIP).spans
        site.lab.link_up("lb1")
        eventually(lambda: site.holders() == ("lb1",), 20)  # who comes next begins with a VIP that stays
    assert not [span for span in spans if "lb2" in span.holders]
    [at] = [span.at for span in spans if "lb3" in span.holders]
    tell(f"lb3 took over after {at - began:.2f} s; {after['soonest']:.2f} to {after['seconds']:.2f} s")
    assert at - began >= after["soonest"] and at - ended <= after["seconds"] + BUSY


def without_cluster(document: Mapping[str, Any]) -> dict[str, Any]:
    """As a plan has it."""
    return {key: document[key] for key in ("nodes", "failures", "routers", "notes")}
