"""Until the VIPs are where VRRP's rules put them."""

from __future__ import annotations

import pytest

from lbctl.rollout import vrrp
from lbctl.rollout.run import Run
from tests.unit.test_rollout_walk import Scene

VIP = "10.0.0.9"
NODES = frozenset({"lb1", "lb2", "lb3"})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(vrrp, "_POLL", 0.0)
    return Scene().run()


def test_a_vip_on_its_way_back_is_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [["lb2"], ["lb2"], ["lb1", "lb2"], ["lb1"]]

    def look(_: Run) -> tuple[vrrp.Holders, frozenset[str]]:
        return {VIP: frozenset(seen.pop(0))}, NODES

    monkeypatch.setattr(vrrp, "look", look)
    vrrp.calm(run)
    assert seen == []


def test_one_that_does_not_come_is_not_waited_for_longer_than_an_election(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(_: Run) -> tuple[vrrp.Holders, frozenset[str]]:
        looks.append(1)
        return {VIP: frozenset({"lb2"})}, NODES

    monkeypatch.setattr(vrrp, "look", look)
    monkeypatch.setattr(vrrp, "settle_seconds", lambda run: 0.05)
    vrrp.calm(run)
    assert len(looks) > 1
