"""One lab for all batches, and how many combinations were tried and agreed at the end of the output."""

from __future__ import annotations

from collections.abc import Sequence

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
        terminalreporter.write_line(_line(variant, own))
    for one in results:
        if not one.good:
            terminalreporter.write_line(f"  {one}")
    terminalreporter.write_line(_line("all", results))


def _line(name: str, results: Sequence[Result]) -> str:
    """How many agreed; and of the takeovers, how near they came to the soonest and to the latest moment."""
    good = sum(one.good for one in results)
    timed = [one for one in results if one.timed]
    after, late = min((-one.early for one in timed), default=0), max((one.late for one in timed), default=0)
    times = (
        f"; {len(timed):3} takeovers, from soonest {after:+.2f} s to latest {late:+.2f} s" if timed else ""
    )
    again = sum(one.tries > 1 for one in results)
    held = f"; {again} tried again: a keepalived was held up" if again else ""
    return f"{name:34} {len(results):4} tried {good:4} agreed{times}{held}"
