"""The election table says what real keepaliveds do: who holds each VIP, how soon, and who when all is back.
Every combination with LBCTL_ELECTIONS=all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from lbctl.model.election import States
from tests.lab.elections.ground import Ground, every, selection
from tests.lab.elections.variants import BATCHES, Batch

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

ALL = os.environ.get("LBCTL_ELECTIONS") == "all"
PARTS = 3
"""Tests that a whole batch is split into: each is some minutes."""


def chosen() -> Iterator[Any]:
    for batch in BATCHES if ALL else BATCHES[:1]:
        parts = PARTS if ALL and batch.whole else 1
        for part in range(parts):
            states = every()[part::parts] if parts > 1 else selection()
            yield pytest.param(batch, states, id=f"{batch}, {part + 1} of {parts}")


@pytest.mark.parametrize(("batch", "states"), list(chosen()))
def test_the_table_is_what_keepalived_does(
    ground: Ground,
    batch: Batch,
    states: tuple[States, ...],
    record_property: Callable[[str, object], None],
) -> None:
    results = ground.run(batch, states)
    record_property("results", [asdict(one) for one in results])
    assert [str(one) for one in results if not one.good] == []
