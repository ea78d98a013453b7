"""The variants that the lab tries: files that mean what their names say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lbctl.keepalived.advert import awaited
from lbctl.planning.elections.table import table
from tests.lab.elections.ground import BUSY, Result, every, selection
from tests.lab.elections.variants import BATCHES, NODES, Batch


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_every_variant_is_in_every_file(batch: Batch) -> None:
    for party in batch.parties():
        assert party.keepalived.valid
        assert {one.code for one in party.keepalived.problems} <= {"nopreempt-master"}
        assert {vip for one in awaited(party.keepalived) for vip in one.vips} == set(batch.vips)
    found = table(batch.parties())
    assert found.nodes == NODES
    assert all(found.router(vip) is not None for vip in batch.vips)


def test_the_selection_is_a_part() -> None:
    assert set(selection()) < set(every())
    assert len(every()) == 27


def test_what_agrees_and_what_does_not() -> None:
    good = Result("v", "vip", "s", "lb2 | lb3", "lb2", 2.6, 3.6, 2.7, 2.8, "lb1", "lb1", True, "")
    assert good.good
    assert replace(good, seen="lb3").good
    assert replace(good, after=3.5 + BUSY, within=3.7 + BUSY).good
    stayed = replace(good, soonest=0.0, latest=0.0, after=0.0, within=0.0)
    assert stayed.good and not stayed.timed
    assert replace(good, settles=False, after=9.0, within=9.0).good
    for bad in (
        replace(good, seen="lb1"),
        replace(good, seen_back="lb2"),
        replace(good, after=2.4, within=2.5),
        replace(good, after=3.7 + BUSY, within=3.8 + BUSY),
        replace(stayed, after=BUSY + 0.1, within=BUSY + 0.2),
    ):
        assert not bad.good
