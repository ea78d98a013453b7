"""One lab for all batches, and how many combinations were tried and agreed at the end of the output."""

from __future__ import annotations

import pytest

from tests.lab.conftest import Labs
from tests.lab.elections.ground import Ground, Result


@pytest.fixture(scope="session")
def ground(labs: Labs) -> Ground:
    return Ground(labs)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """By variant, and each that did not agree."""
    results = [
        Result(**result)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, found in report.user_properties
        if name == "results"
        for result in found
    ]
    if not results:
        return
    terminalreporter.section("elections: the table against keepalived")
    for variant in dict.fromkeys(one.variant for one in results):
        own = [one for one in results if one.variant == variant]
        good = sum(one.good for one in own)
        terminalreporter.write_line(f"{variant:34} {len(own):4} tried {good:4} agreed")
    good = sum(one.good for one in results)
    terminalreporter.write_line(f"{'all':34} {len(results):4} tried {good:4} agreed")
