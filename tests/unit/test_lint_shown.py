"""docs/lint.md says which codes no lab test shows on real daemons, and why; all others one shows."""

from __future__ import annotations

import re
from pathlib import Path

from lbctl.lint import rules

ROOT = Path(__file__).parents[2]
LAB = ROOT / "tests" / "lab" / "lint"


def test_what_no_lab_test_shows_is_told() -> None:
    text = "".join(path.read_text() for path in sorted(LAB.glob("*.py")))
    shown = {code for code in rules() if f'"{code}"' in text}
    section = (ROOT / "docs" / "lint.md").read_text().partition("## Seen on real daemons")[2]
    told = [code for row in re.findall(r"(?m)^\| (`.*?) \|", section) for code in re.findall(r"`(.+?)`", row)]
    assert sorted(told) == sorted(code for code, one in rules().items() if one.level and code not in shown)
