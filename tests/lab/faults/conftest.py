"""One lab for all cells, and the matrix at the end of the output."""

from __future__ import annotations

import pytest

from tests.lab.conftest import Labs
from tests.lab.faults.harness import Ground, make_ground
from tests.lab.faults.matrix import cells, table


@pytest.fixture(scope="session")
def ground(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(labs, tmp_path_factory.mktemp("faults"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every cell that was run, with its seconds."""
    by_name = {str(cell): cell for cell in cells()}
    results = [
        (by_name[str(value)], report.duration, report.passed)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, value in report.user_properties
        if name == "cell"
    ]
    if results:
        terminalreporter.section("steps × faults × nodes")
        for line in table(results):
            terminalreporter.write_line(line)
