"""One lab a worker, for all the cells that it gets, and one matrix at the end of the output."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.conftest import Labs
from tests.lab.faults.harness import Ground, make_ground
from tests.lab.faults.matrix import Result, cells, phases, table


@pytest.fixture(scope="session")
def ground(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(labs, tmp_path_factory.mktemp("faults"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every cell that was run, on whichever lab, with its seconds and what they were made of."""
    results = [
        _result(report)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and any(name == "cell" for name, _ in report.user_properties)
    ]
    if results:
        terminalreporter.section("steps × faults × nodes")
        for line in (*table(results), "", *phases(results)):
            terminalreporter.write_line(line)


def _result(report: pytest.TestReport) -> Result:
    said: dict[str, Any] = dict(report.user_properties)
    cell = next(cell for cell in cells() if str(cell) == said["cell"])
    return Result(cell, report.duration, report.passed, said.get("phases", {}))
