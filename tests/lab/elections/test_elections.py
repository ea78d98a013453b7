"""The election table says what real keepaliveds do: who holds each VIP, how soon, and who when all is back.
Every combination with LBCTL_ELECTIONS=all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.lab.elections.ground import Ground, every, selection
from tests.lab.elections.variants import BATCHES, Batch

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

ALL = os.environ.get("LBCTL_ELECTIONS") == "all"
CHOSEN = BATCHES if ALL else BATCHES[:1]


@pytest.mark.parametrize("batch", CHOSEN, ids=str)
def test_the_table_is_what_keepalived_does(
    ground: Ground, batch: Batch, record_property: Callable[[str, object], None]
) -> None:
    results = ground.run(batch, every() if ALL and batch.whole else selection())
    record_property("results", [asdict(one) for one in results])
    assert [str(one) for one in results if not one.good] == []
