"""Every code that lbctl says anywhere is explained: `lbctl explain CODE` never has to shrug."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lbctl.lint import rules

ROOT = Path(__file__).parents[2] / "lbctl"
SAYING = ("planning", "desired", "workflows", "document")
# What makes a finding, and where in its words the code stands.
CALLS = {"Problem": 4, "warn": 3}
TABLES = re.compile(r"_?(CODES|MENDS|LOST|LIVE|mends)")
CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def said() -> Iterator[tuple[str, str]]:
    """(code, where) of each constant in the place of a code."""
    for room in SAYING:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                for value in (*_of_call(node), *_of_table(node)):
                    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                        yield value.value, f"{path.relative_to(ROOT)}:{value.lineno}"


def _of_call(node: ast.AST) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in CALLS:
        yield from node.args[CALLS[name] : CALLS[name] + 1]
        yield from (one.value for one in node.keywords if one.arg == "code")


def _of_table(node: ast.AST) -> Iterator[ast.expr]:
    """CODES = ("drift", …), _MENDS = {"held": …}, LOST = "node-lost"."""
    if not isinstance(node, ast.Assign) or not any(
        isinstance(one, ast.Name) and TABLES.fullmatch(one.id) for one in node.targets
    ):
        return
    if isinstance(node.value, ast.Tuple):
        yield from node.value.elts
    elif isinstance(node.value, ast.Dict):
        yield from (one for one in node.value.keys if one)
    else:
        yield node.value


def test_what_is_said_is_found() -> None:
    """The walk sees each way in which the code says a code."""
    found = {code for code, _ in said()}
    assert {"drift", "unknown", "held", "not-applied", "node-lost", "live-node", "tie", "yes-no"} <= found
    assert all(CODE.fullmatch(code) for code in found), found


def test_every_code_is_explained() -> None:
    assert sorted({one for one in said() if one[0] not in rules()}) == []


def test_nothing_is_explained_twice() -> None:
    tables = [path.read_text() for path in sorted((ROOT / "lint" / "codes").glob("*.toml"))]
    codes = [code for table in tables for code in re.findall(r"(?m)^\[([a-z-]+)\]$", table)]
    assert sorted(codes) == sorted(rules())
