"""What must hold of any text holds of real configurations, and no error is told where the daemon has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl.planning.semantic import diff
from tests.corpus import TONGUES, each, files, good, require
from tests.fuzz.properties import Tongue, check, parse


def test_there_is_a_corpus() -> None:
    require()
    assert sum(len(files(name)) for name in TONGUES) > 50


@each()
@pytest.mark.timeout(120)  # the largest takes 4 s; what hangs, hangs
def test_every_property_holds(name: str, file: Path) -> None:
    check(TONGUES[name], file.read_bytes())


@each(good)
def test_no_error_where_the_daemon_has_none(name: str, file: Path) -> None:
    document = parse(TONGUES[name], file.read_bytes())
    assert document.valid, [str(problem) for problem in document.problems]


@each()
def test_additions_change_nothing_else(name: str, file: Path) -> None:
    tongue: Tongue = TONGUES[name]
    document = parse(tongue, file.read_bytes())
    added = tongue.additions.add(document, tongue.additions.NAMES)
    assert {change.action for change in diff(document, added) if change.kind == "statement"} <= {"+"}
