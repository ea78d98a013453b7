"""Whatever fails in the middle of an apply: the VIP answers, no file is half written, nothing is left behind,
and the next apply converges. A cell a step, node and fault; all of them with LBCTL_FAULTS=all."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from lbctl.model.plan import StepName
from tests.lab.faults.harness import Ground
from tests.lab.faults.matrix import WALKS, Cell, Fault, cells, selection

pytestmark = [pytest.mark.lab, pytest.mark.timeout(420)]

CHOSEN = cells() if os.environ.get("LBCTL_FAULTS") == "all" else selection()


def test_the_matrix_is_the_plans_own(ground: Ground) -> None:
    """Its steps are those of real plans, and it leaves out none that there is."""
    assert {way: ground.steps(way) for way in WALKS} == {way: list(walk) for way, walk in WALKS.items()}
    assert {cell.step for cell in CHOSEN} == set(StepName)
    assert {cell.fault for cell in CHOSEN} == set(Fault)


@pytest.mark.parametrize("cell", CHOSEN, ids=str)
def test_cell(ground: Ground, cell: Cell, record_property: Callable[[str, object], None]) -> None:
    record_property("cell", str(cell))
    record_property("phases", ground.run(cell))
