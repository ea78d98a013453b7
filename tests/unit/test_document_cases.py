"""Every row of tests/cases/{haproxy,keepalived}: what a daemon said, what is masked, added, told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.document import decode, encode, mask
from lbctl.planning.semantic import diff
from tests.fuzz.properties import HAPROXY, KEEPALIVED, Tongue, parse

CASES = Path(__file__).parent.parent / "cases"
TONGUES = {"haproxy": HAPROXY, "keepalived": KEEPALIVED}
# Exit statuses of the daemons' own checks that mean that the file can be used: 2 = valid, without a listener;
# 6 = only a warning about scripts.
GOOD = {"haproxy": (0, 2), "keepalived": (0, 6)}

Row = dict[str, Any]


def _rows(kind: str) -> list[Any]:
    found = []
    for language in TONGUES:
        rows = yaml.safe_load((CASES / language / f"{kind}.yaml").read_text())
        found += [
            pytest.param(language, row, id=f"{language}-{row.get('name', row.get('text'))}") for row in rows
        ]
    return found


def _data(row: Row) -> bytes:
    text = str(row.get("text", row.get("latin1"))).replace("PAD", "x" * row.get("pad", 0))
    return text.encode("latin-1") if "latin1" in row else encode(text)


@pytest.mark.parametrize(("language", "row"), _rows("facts"))
def test_reads_as_the_daemon_does(language: str, row: Row) -> None:
    document = parse(TONGUES[language], _data(row))
    assert document.render() == _data(row)
    assert [" ".join(one.words) for one in document.statements if one.block] == row["sections"]
    found = [f"{one.place.line} {one.level} {one.code}" for one in document.problems if one.place]
    assert found == row["problems"]
    for number, words in row.get("words", {}).items():
        assert list(document.lines[number - 1].words) == words


@pytest.mark.parametrize(("language", "row"), _rows("facts"))
def test_agrees_with_the_daemon(language: str, row: Row) -> None:
    document = parse(TONGUES[language], _data(row))
    if row["exit"] in GOOD[language]:
        assert document.valid
    else:
        assert bool(document.problems) != ("daemon_only" in row)


@pytest.mark.parametrize(("language", "row"), _rows("mask"))
def test_masks_secrets_and_nothing_else(language: str, row: Row) -> None:
    document = parse(TONGUES[language], encode(row["text"] + "\n"))
    assert decode(mask(document)) == (row["masked"] or row["text"]) + "\n"
    assert TONGUES[language].language.holds_secret(document) == bool(row["masked"])


@pytest.mark.parametrize(("language", "row"), _rows("additions"))
def test_adds_its_own_lines(language: str, row: Row) -> None:
    tongue: Tongue = TONGUES[language]
    document = parse(tongue, _data(row))
    added = tongue.additions.add(document, row["names"])
    assert decode(added.render()) == (row["after"] or row["text"])
    assert tongue.additions.add(added, row["names"]) == added


@pytest.mark.parametrize(("language", "row"), _rows("diff"))
def test_tells_the_difference(language: str, row: Row) -> None:
    before, after = (parse(TONGUES[language], encode(row[side])) for side in ("before", "after"))
    assert [str(change) for change in diff(before, after)] == row["changes"]
    assert diff(before, before) == diff(after, after) == ()
