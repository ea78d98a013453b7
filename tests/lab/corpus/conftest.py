"""The configurations, a node of each suite to ask of them, and the figures at the end of the output."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lbctl import haproxy, keepalived
from lbctl.document import Document
from tests.corpus import require, some
from tests.lab.conftest import Labs
from tests.lab.corpus import stubs
from tests.lab.corpus.bench import Bench, bench

Documents = Mapping[str, Document]


@pytest.fixture(scope="session")
def haproxy_files() -> Documents:
    require()
    return {file.name: haproxy.parse(file.read_bytes(), file.name) for file in some("haproxy")}


@pytest.fixture(scope="session")
def keepalived_files() -> Documents:
    require()
    return {file.name: keepalived.parse(file.read_bytes(), file.name) for file in some("keepalived")}


@pytest.fixture(scope="session")
def bookworm(labs: Labs, haproxy_files: Documents, keepalived_files: Documents) -> Bench:
    """HAProxy 2.6 and keepalived 2.2."""
    made = bench(labs, "bookworm")
    made.make(stubs.haproxy(haproxy_files.values()))
    made.make(stubs.keepalived(keepalived_files.values()))
    return made


@pytest.fixture(scope="session")
def trixie(labs: Labs, haproxy_files: Documents) -> Bench:
    """HAProxy 3.0."""
    made = bench(labs, "trixie")
    made.make(stubs.haproxy(haproxy_files.values()))
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = [
        str(value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, value in report.user_properties
        if name == "figures"
    ]
    if figures:
        terminalreporter.section("real configurations")
        for line in figures:
            terminalreporter.write_line(line)
