"""Real configurations from a directory outside this project, as test input only: LBCTL_CORPUS names it.

It holds `haproxy/`, `keepalived/` and INDEX.tsv: the file and, in the column that names both daemons' checks,
what they said of it. Skipped where LBCTL_CORPUS is not set, failed there if LBCTL_REQUIRE_LAB=1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbctl.planning.semantic import diff
from tests.fuzz.properties import HAPROXY, KEEPALIVED, Tongue, check, parse

TONGUES = {"haproxy": HAPROXY, "keepalived": KEEPALIVED}
# What the daemon said of a file that it can use.
GOOD = ("valid", "security-warning", "no-error-but-no-listener")


def _corpus() -> Path | None:
    folder = os.environ.get("LBCTL_CORPUS")
    return Path(folder) if folder else None


def _files() -> Iterator[tuple[str, Path]]:
    corpus = _corpus()
    for name in TONGUES if corpus else ():
        yield from ((name, file) for file in sorted((Path(str(corpus)) / name).iterdir()))


def _verdicts() -> dict[str, str]:
    corpus = _corpus()
    rows = (Path(str(corpus)) / "INDEX.tsv").read_text().split("\n")
    column = next(number for number, title in enumerate(rows[0].split("\t")) if "haproxy -c" in title)
    return {cells[0]: cells[column] for cells in (row.split("\t") for row in rows[1:]) if len(cells) > column}


def _each(test: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("name", "file"), [pytest.param(*one, id="/".join(one[1].parts[-2:])) for one in _files()]
    )


def test_there_is_a_corpus() -> None:
    if _corpus() is None and os.environ.get("LBCTL_REQUIRE_LAB") == "1":
        pytest.fail("LBCTL_CORPUS is not set")
    if _corpus() is None:
        pytest.skip("LBCTL_CORPUS does not name a directory of real configurations")
    assert len(list(_files())) > 50


@_each("properties")
@pytest.mark.timeout(120)  # the largest takes 4 s; what hangs, hangs
def test_every_property_holds(name: str, file: Path) -> None:
    check(TONGUES[name], file.read_bytes())


@_each("verdict")
def test_no_error_where_the_daemon_has_none(name: str, file: Path) -> None:
    verdict = _verdicts().get(f"{name}/{file.name}", "")
    document = parse(TONGUES[name], file.read_bytes())
    if verdict.startswith(GOOD):
        assert document.valid, [str(problem) for problem in document.problems]


@_each("additions")
def test_additions_change_nothing_else(name: str, file: Path) -> None:
    tongue: Tongue = TONGUES[name]
    document = parse(tongue, file.read_bytes())
    added = tongue.additions.add(document, tongue.additions.NAMES)
    assert {change.action for change in diff(document, added) if change.kind == "statement"} <= {"+"}
