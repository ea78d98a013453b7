"""A keepalived document's statements as the daemon reads them on one node.

It works on text, before there are words: lines for other nodes (`@id`) are left out, and `$NAME` is put in
with the value that it has at that line. What else the daemon makes text of (`~SEQ`, `include`) stays as it
is written. Measured with 2.2.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lbctl.document import Document, Statement, encode
from lbctl.keepalived.parse import parse
from lbctl.keepalived.words import scan

_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"\+?(?:[0-9]{1,9}(?:\.[0-9]*)?|\.[0-9]+)")
_DEFINITION = re.compile(rb"\$(\w+)=[ \t]*(.*)", re.DOTALL)
# Without braces a name is one only before a blank, a comma or the end of the line: `$NET.1` stays as it is.
_REFERENCE = re.compile(rb"\$(?:(\w+)(?=[\s,]|\Z)|\{(\w+)\})")
_CONDITION = re.compile(rb"[ \t]*@(\^?)(\S*)[ \t]*(.*)", re.DOTALL)
_MOST = 100  # values put into one line: one that names itself has no end

Tree = tuple[Statement, ...]


def read(document: Document, config_id: str = "") -> Tree:
    """What the daemon reads where its `config_id` is this one, in order."""
    if not any(b"$" in line.raw or line.raw.lstrip().startswith(b"@") for line in document.lines):
        return document.statements
    text = _Text(config_id)
    for line in document.lines:
        text.take(line.number, line.raw)
    expanded = parse(b"".join(raw for _, raw in text.lines), document.file)
    return _numbered(expanded.statements, [number for number, _ in text.lines])


def _numbered(statements: Tree, numbers: list[int]) -> Tree:
    """The statements with the numbers of the lines that they come from."""
    return tuple(
        replace(
            one,
            line=numbers[one.line - 1],
            last=numbers[one.last - 1],
            children=_numbered(one.children, numbers),
        )
        for one in statements
    )


@dataclass
class _Text:
    """The text so far, each line with the number of the one that it comes from."""

    config_id: str
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    values: dict[bytes, list[bytes]] = field(default_factory=dict)
    defining: bytes = b""

    def take(self, number: int, raw: bytes) -> None:
        code = raw[: scan(raw).comment].rstrip()
        if not self.defining and (condition := _CONDITION.fullmatch(code)):
            code = condition[3] if self._counts(condition[1], condition[2]) else b""
        definition = _DEFINITION.match(code.lstrip())
        if self.defining:
            self._define(self.defining, code)
        elif definition:
            self.values[definition[1]] = []
            self._define(definition[1], definition[2])
        else:
            self.lines += ((number, text + b"\n") for text in self._put_in(code))

    def _counts(self, other: bytes, name: bytes) -> bool:
        return (name == encode(self.config_id)) != bool(other)

    def _define(self, name: bytes, code: bytes) -> None:
        """One line of a definition: a backslash at its end continues it."""
        self.defining = name if code.endswith(b"\\") else b""
        self.values[name].append(code.removesuffix(b"\\").strip())

    def _put_in(self, code: bytes) -> Iterator[bytes]:
        """The line, or the lines that a definition of several stands for."""
        start = 0
        for _ in range(_MOST):
            match = _REFERENCE.search(code, start)
            if not match:
                break
            value = self.values.get(match[1] or match[2])
            if value and len(value) > 1 and code.strip() == match[0]:
                for text in value:
                    yield from self._put_in(text)
                return
            if value is None or len(value) > 1:
                start = match.end()
            else:
                code = code[: match.start()] + value[0] + code[match.end() :]
        yield code


def blocks(statements: Tree, *keywords: str) -> Iterator[Statement]:
    return (one for one in statements if one.block and one.keyword in keywords)


def named(statements: Tree, *keywords: str) -> Iterator[Statement]:
    """The blocks of these keywords; of two with one name the first, as the daemon takes them."""
    seen = set()
    for one in blocks(statements, *keywords):
        if one.name not in seen:
            seen.add(one.name)
            yield one


def values(block: Statement, *keywords: str) -> Iterator[str]:
    """The word after each such keyword in the block, '' where there is none."""
    return (one.name for one in block.children if one.keyword in keywords)


def last(block: Statement, *keywords: str) -> str:
    """The word after the last such keyword, '' without one."""
    return next(reversed(list(values(block, *keywords))), "")


def items(block: Statement, *keywords: str) -> Iterator[Statement]:
    """The lines of these list blocks."""
    return (line for listing in blocks(block.children, *keywords) for line in listing.children)


def integer(text: str) -> int:
    """The whole number that a word begins with, 0 where there is none: so the daemon reads most of them."""
    match = _INTEGER.match(text)
    return int(match[0]) if match else 0


def decimal(text: str) -> float | None:
    """The number that a word is, None where it is none."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def whole(text: str, lowest: int, highest: int) -> int | None:
    """The whole number of this range that a word is; None: the daemon refuses any other."""
    if not _INTEGER.fullmatch(text) or not lowest <= int(text) <= highest:
        return None
    return int(text)
