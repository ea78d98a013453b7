"""Lint on real configurations of other people: LBCTL_CORPUS names a directory of them, as test input only.

What its INDEX.tsv says a daemon accepts has no finding of level error. Skipped where LBCTL_CORPUS is not set.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbctl import haproxy, keepalived
from lbctl.lint import Machine, Subject, Text, find

GOOD = ("valid", "security-warning")


def accepted() -> Iterator[Path]:
    folder = os.environ.get("LBCTL_CORPUS")
    if folder:
        with (Path(folder) / "INDEX.tsv").open(newline="") as index:
            header, *rows = csv.reader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        verdict = next(number for number, title in enumerate(header) if "keepalived -t" in title)
        yield from (Path(folder) / row[0] for row in rows if row[verdict].startswith(GOOD))


def machine(file: Path) -> Machine:
    text = file.read_bytes()
    if file.parent.name == "keepalived":
        return Machine("lb1", keepalived=Text(keepalived.parse(text, file.name)))
    return Machine("lb1", haproxy=Text(haproxy.parse(text, file.name)))


@pytest.mark.parametrize("file", list(accepted()), ids=lambda file: file.name)
def test_what_the_daemon_accepts_has_no_error(file: Path) -> None:
    found = find(Subject("corpus", (machine(file),)))
    assert [str(one.problem) for one in found if one.problem.level == "error"] == []
