"""Real configurations from a directory outside this project, as test input only: LBCTL_CORPUS names it.

It holds `haproxy/`, `keepalived/` and INDEX.tsv: the file and, in the column that names both daemons' checks,
what they said of it. Tests with these files are skipped where LBCTL_CORPUS is not set, failed there if
LBCTL_REQUIRE_LAB=1. What would take long is a sample, the same each time, but for LBCTL_CORPUS_TRY=all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.fuzz.properties import HAPROXY, KEEPALIVED

TONGUES = {"haproxy": HAPROXY, "keepalived": KEEPALIVED}
# Everything, and not a sample: `make corpus`.
ALL = os.environ.get("LBCTL_CORPUS_TRY") == "all"
# What the daemon said of a file that it can use.
GOOD = ("valid", "security-warning", "no-error-but-no-listener")


def corpus() -> Path | None:
    folder = os.environ.get("LBCTL_CORPUS")
    return Path(folder) if folder else None


def files(name: str) -> list[Path]:
    """The files of one language; none without a corpus."""
    folder = corpus()
    return sorted((folder / name).iterdir()) if folder else []


def some(name: str) -> list[Path]:
    """Those of them that are shown to a daemon: every fourth, or all."""
    return files(name)[:: 1 if ALL else 4]


def verdicts() -> Mapping[str, str]:
    """What the daemon said, by `language/file`."""
    folder = corpus()
    if folder is None:
        return {}
    rows = (folder / "INDEX.tsv").read_text().split("\n")
    column = next(number for number, title in enumerate(rows[0].split("\t")) if "haproxy -c" in title)
    return {cells[0]: cells[column] for cells in (row.split("\t") for row in rows[1:]) if len(cells) > column}


def good(name: str, file: Path) -> bool:
    """Whether the daemon could use the file."""
    return verdicts().get(f"{name}/{file.name}", "").startswith(GOOD)


def each(keep: Callable[[str, Path], bool] = lambda name, file: True) -> pytest.MarkDecorator:
    """One test a file, with the language's name and the file."""
    found = [(name, file) for name in TONGUES for file in files(name) if keep(name, file)]
    return pytest.mark.parametrize(
        ("name", "file"), [pytest.param(*one, id="/".join(one[1].parts[-2:])) for one in found]
    )


def require() -> None:
    """Skip, or fail, where there is no corpus."""
    if corpus() is None and os.environ.get("LBCTL_REQUIRE_LAB") == "1":
        pytest.fail("LBCTL_CORPUS is not set")
    if corpus() is None:
        pytest.skip("LBCTL_CORPUS does not name a directory of real configurations")
