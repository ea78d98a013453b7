"""What the lab's matrix of faults leaves out: nothing."""

from __future__ import annotations

from lbctl.model.plan import StepName
from tests.lab.faults.matrix import Fault, cells, selection


def test_a_cell_of_each_step_and_fault() -> None:
    for found in (cells(), selection()):
        assert {cell.step for cell in found} == set(StepName)
        assert {cell.fault for cell in found} == set(Fault)


def test_the_selection_is_a_part() -> None:
    assert set(selection()) < set(cells()) and len(selection()) == len(set(selection()))
