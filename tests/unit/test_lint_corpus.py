"""On files of other people that HAProxy takes (LBCTL_CORPUS) lint finds no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl.lint import Machine, Subject, Text, find
from tests.fuzz.properties import HAPROXY, parse
from tests.unit.test_corpus import GOOD, _files, _verdicts


def _valid() -> list[Path]:
    verdicts = _verdicts() if _files_there() else {}
    return [
        file
        for name, file in _files()
        if name == "haproxy" and verdicts.get(f"haproxy/{file.name}", "").startswith(GOOD)
    ]


def _files_there() -> bool:
    return next(_files(), None) is not None


@pytest.mark.parametrize("file", _valid(), ids=lambda file: file.name)
def test_no_false_error(file: Path) -> None:
    machine = Machine("lb", haproxy=Text(parse(HAPROXY, file.read_bytes())))
    errors = [one for one in find(Subject("", (machine,))) if one.problem.level == "error"]
    assert errors == []
