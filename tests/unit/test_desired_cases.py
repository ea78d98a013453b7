"""Every cluster file under tests/cases/cluster: good ones render what is expected, bad ones are refused.

Bad: a comment at the end of a line expects a problem there: `# ! text | mend` an error, `# ?` something
unsafe, `# ~` a warning; `# expect LINE ! text` the same for lines that can hold no comment. Nothing else
may be said. Good: a directory with cluster.yaml and, under expect/NODE/, the files as they may be shown.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lbctl.desired import load
from lbctl.errors import InputError, Problem
from lbctl.model.cluster import Cluster

CASES = Path(__file__).parent.parent / "cases" / "cluster"
BAD = sorted((CASES / "bad").glob("*.yaml"))
GOOD = sorted(path.parent for path in (CASES / "good").glob("*/cluster.yaml"))
LEVELS = {"!": "error", "?": "unsafe", "~": "warning"}
SECRETS = {
    "LBCTL_TEST_NINE": "topsecret",
    "LBCTL_TEST_HASH": "top#sec",
    "LBCTL_TEST_EIGHT": "topsecr8",
    "LBCTL_TEST_QUOTE": 'top"sec',
    "LBCTL_TEST_LINES": "top\nsec",
    "LBCTL_TEST_BLANK": "top sec",
    "LBCTL_TEST_EMPTY": "",
}

_MARK = re.compile(r"# (?:expect (\d+) )?([!?~]) (.*?)(?=\s*# [!?~] |$)")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def expected(text: str) -> list[tuple[int, str, list[str]]]:
    """Line, level and the texts that must be in the problem."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for at, level, words in _MARK.findall(line):
            found.append((int(at or number), LEVELS[level], [part.strip() for part in words.split(" | ")]))
    return found


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad(path: Path) -> None:
    with pytest.raises(InputError) as raised:
        load(path)
    left = list(raised.value.problems)
    missing = []
    for line, level, parts in expected(path.read_text("utf-8")):
        match = next((p for p in left if _is(p, line, level, parts)), None)
        if match is None:
            missing.append((line, level, parts))
        else:
            left.remove(match)
    assert not missing, "\n".join(str(problem) for problem in left)
    assert not left, "\n".join(f"{problem.level}: {problem}" for problem in left)
    for value in SECRETS.values():
        assert not value or value not in str(raised.value)


def _is(problem: Problem, line: int, level: str, parts: list[str]) -> bool:
    place = problem.place
    text = f"{problem.text}\n{problem.mend}"
    return bool(place and place.line == line and problem.level == level and all(p in text for p in parts))


@pytest.mark.parametrize("directory", GOOD, ids=lambda path: path.name)
def test_good(directory: Path) -> None:
    cluster = load(directory / "cluster.yaml")
    assert not [problem for problem in cluster.problems if problem.level == "error"]
    wanted = [path for path in (directory / "expect").rglob("*") if path.is_file()]
    for path in wanted:
        node, _, name = str(path.relative_to(directory / "expect")).partition("/")
        assert shown(cluster, node, "/" + name) == path.read_text("utf-8"), f"{node} /{name}"
    _hides(cluster)


def shown(cluster: Cluster, node: str, path: str) -> str:
    return next(f for f in cluster.node(node).files if f.path == path).content.shown.decode()


def _hides(cluster: Cluster) -> None:
    """No secret in anything that may be shown."""
    text = repr(cluster)
    for value in SECRETS.values():
        assert not value or value not in text
