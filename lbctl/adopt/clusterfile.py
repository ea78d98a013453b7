"""The text of a cluster file: plain values as YAML that is read back as what they were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Value = bool | int | str | Sequence["Value"] | Mapping[str, "Value"] | None

WIDTH = 110
# everything that YAML might take for something else is quoted
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9]+)*|[0-9]+(?:\.[0-9]+){3}")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def text(values: Mapping[str, Value], comments: Mapping[str, str]) -> str:
    """The file: a key after the other, each with its comment above it; what is empty is left out."""
    found: list[str] = []
    for key, value in values.items():
        found += [f"# {line}" for line in comments.get(key, "").splitlines()]
        found += _entry(key, value, "")
    return "".join(f"{line}\n" for line in found)


def _entry(key: str, value: Value, indent: str) -> Iterator[str]:
    head = f"{indent}{_scalar(key)}: "
    if isinstance(value, str) and "\n" in value:
        yield from _lines(head, value, indent + "  ")
        return
    short = head + _flow(value)
    # of the file's own keys each entry has a line
    nested = isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values())
    flat = not _several_lines(value) and len(short) <= WIDTH and not (nested and not indent)
    if not isinstance(value, Mapping) or not value or flat:
        yield short
        return
    yield head.rstrip()
    for name, one in value.items():
        yield from _entry(name, one, indent + "  ")


def _several_lines(value: Value) -> bool:
    if isinstance(value, Mapping):
        return any(map(_several_lines, value.values()))
    return isinstance(value, str) and "\n" in value


def _lines(head: str, value: str, indent: str) -> Iterator[str]:
    """A block. How far it is in is said where what it begins with is indented itself."""
    end = "-" if not value.endswith("\n") else "+" if value.endswith("\n\n") else ""
    yield f"{head}|{2 if value[0].isspace() else ''}{end}"
    for line in value.removesuffix("\n").split("\n"):
        yield f"{indent}{line}" if line else ""


def _flow(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(name)}: {_flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: bool | int | str | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)
