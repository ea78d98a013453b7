"""Reads a keepalived document's words as the daemon would on one node.

One-line definitions (`$NAME=value`) are put in, lines for other nodes (`@id`) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lbctl.document import Document, Statement

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]*)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass(frozen=True)
class Reader:
    """Reads words as the daemon would on one node."""

    values: Mapping[str, str]
    config_id: str

    @classmethod
    def of(cls, document: Document, config_id: str) -> Reader:
        bare = cls({}, config_id)
        return cls(_definitions(bare.counted(document.statements)), config_id)

    def text(self, word: str) -> str:
        return _REFERENCE.sub(lambda match: self.values.get(match[1] or match[2], match[0]), word)

    def lines(self, block: Statement) -> Iterator[Statement]:
        """The block's statements that count on this node, conditions taken off."""
        return self.counted(block.children)

    def blocks(self, statements: tuple[Statement, ...], *keywords: str) -> Iterator[Statement]:
        return (one for one in self.counted(statements) if one.block and one.keyword in keywords)

    def counted(self, statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for one in statements:
            if not one.keyword.startswith("@"):
                yield one
                continue
            name = one.keyword[1:].removeprefix("^")
            if one.name and (name == self.config_id) != one.keyword.startswith("@^"):
                yield Statement(one.words[1:], one.line, one.last, one.children, one.block)

    def words(self, block: Statement, keyword: str) -> tuple[str, ...]:
        """What follows the last such keyword in the block."""
        found: tuple[str, ...] = ()
        for line in self.lines(block):
            if line.keyword == keyword:
                found = tuple(self.text(word) for word in line.words[1:])
        return found

    def last(self, block: Statement, keyword: str) -> str:
        """The word after the last such keyword, '' without one."""
        return "".join(self.words(block, keyword)[:1])

    def items(self, block: Statement, *keywords: str) -> Iterator[tuple[str, ...]]:
        """The lines of these list blocks, as words."""
        for listing in self.blocks(block.children, *keywords):
            for line in self.lines(listing):
                yield tuple(self.text(word) for word in line.words)


def _definitions(statements: Iterable[Statement]) -> Mapping[str, str]:
    """The one-line definitions of one word, by name; the last one wins."""
    found = {}
    for statement in statements:
        name, equals, value = statement.keyword.partition("=")
        if name.startswith("$") and equals and len(statement.words) <= 2 and statement.line == statement.last:
            found[name[1:]] = value or statement.name
    return found


def number(text: str, default: float) -> float:
    """The number that a word is, or `default`."""
    return float(text) if _NUMBER.fullmatch(text) else default


def whole(text: str, lowest: int, highest: int, default: int) -> int:
    """The whole number of this range that a word is, or `default`: the daemon refuses any other."""
    if not _WHOLE.fullmatch(text) or not lowest <= int(text) <= highest:
        return default
    return int(text)
