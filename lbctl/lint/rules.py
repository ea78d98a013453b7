"""The codes and what they mean: the tables in `codes/`, read when first asked for.

A table a code: level, title, why, mend, source. `level` is empty for a code whose gravity depends on the
place (a plan's own). The files are named after the modules that find them; `parse` is the parsers', `plan`
what plan says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lbctl.errors import Place, Problem
from lbctl.model.finding import Rule

CODES = Path(__file__).with_name("codes")


@cache
def rules() -> Mapping[str, Rule]:
    """Every code that lbctl says anywhere (lint, validate, plan), in the file's order."""
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(CODES.glob("*.toml"))]
    return {
        code: Rule(code=code, **{key: words.strip() for key, words in row.items()})
        for table in tables
        for code, row in table.items()
    }


def rule(code: str) -> Rule:
    """Raises KeyError for a code that nobody says."""
    return rules()[code]


def problem(code: str, text: str, place: Place, mend: str = "") -> Problem:
    """A finding of a check: level and, where none is given, mend are the code's own."""
    known = rule(code)
    return Problem(text, place, mend or known.mend, known.level, code)
