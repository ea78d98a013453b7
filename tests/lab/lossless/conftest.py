"""One lab at a time for all runs, and one table at the end of the output."""

from __future__ import annotations

import pytest

from tests.lab.conftest import Labs
from tests.lab.lossless.cases import Result, table
from tests.lab.lossless.ground import Ground


@pytest.fixture(scope="session")
def ground(labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(labs, tmp_path_factory.mktemp("lossless"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every run, on whichever lab, and what it cost its clients."""
    results = [
        Result(**result)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, result in report.user_properties
        if name == "result"
    ]
    if results:
        terminalreporter.section("failed requests")
        for line in table(results):
            terminalreporter.write_line(line)
