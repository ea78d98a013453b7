"""The variants that the lab tries: files that mean what their names say."""

from __future__ import annotations

import pytest

from lbctl.keepalived.advert import awaited
from lbctl.planning.elections.table import table
from tests.lab.elections.ground import every, selection
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
