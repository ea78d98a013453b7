"""The document: lines of a configuration with their bytes, words and section.

One model for both languages. `lines` is the file, to the byte; `statements` is what the daemon sees in
it, a tree: sections with their lines for HAProxy, blocks within blocks for keepalived. Everything is
frozen: an edit gives a new document.

No repr shows content: a line may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lbctl.errors import Problem


def decode(raw: bytes) -> str:
    """Text of any bytes, without loss: what is not UTF-8 becomes surrogates, and `encode` gives them back."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of what `decode` gave, or of any other text that holds no surrogates of its own making."""
    return text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line, quoting removed.

    `start` and `end` are the bytes of the line that it was written with.
    """

    text: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One line taken apart. `comment` is where its comment starts, or the line's length.

    `faults` are (column, code, text).
    """

    words: tuple[Word, ...]
    comment: int
    faults: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line: its 1-based number, its bytes with the line ending, its words.

    The header of its section.

    A section's header has itself as section. Words of keepalived hold `{` and `}` as words of their own.
    """

    number: int
    raw: bytes = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    section: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """What the daemon reads as one thing: a line, or a section or block with its `children`.

    `words` has at least one. `line` and `last` are 1-based numbers of its first and last line; a
    section ends with the last line that belongs to it unconditionally, not with the blank lines and
    comments before the next one.
    """

    words: tuple[str, ...] = field(repr=False)
    line: int
    last: int
    children: tuple[Statement, ...] = field(default=(), repr=False)
    block: bool = False

    @property
    def keyword(self) -> str:
        """The first word, '' where there is none."""
        return self.words[0] if self.words else ""

    @property
    def name(self) -> str:
        """The second word, '' where there is none: the name of a section, block or server."""
        return self.words[1] if len(self.words) > 1 else ""

    def find(self, *words: str) -> tuple[Statement, ...]:
        """The children that begin with these words, in order."""
        count = len(words)
        return tuple(child for child in self.children if child.words[:count] == words)


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """What the shared code must know of a language; all of it pure functions.

    `scan` takes one line apart. `secret` gives the indices of the words that no output may show. `key`
    names a statement within its section (by the section's words), so that it is compared with its
    namesake; None for a rule whose order matters. `braces`: blocks are closed by one, so text after a
    block is not its own.
    """

    name: str
    parse: Callable[[bytes, str], Document]
    scan: Callable[[bytes], Scan]
    secret: Callable[[tuple[str, ...]], frozenset[int]]
    key: Callable[[tuple[str, ...], tuple[str, ...]], Key | None]
    braces: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration as text. `problems` are the parser's own findings: it never raises."""

    file: str
    language: Language = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    statements: tuple[Statement, ...] = field(repr=False)
    problems: tuple[Problem, ...] = field(default=(), repr=False)

    def render(self) -> bytes:
        """The file: `parse(data).render() == data` for any bytes."""
        return b"".join([line.raw for line in self.lines])

    def find(self, *words: str) -> tuple[Statement, ...]:
        """The top-level statements that begin with these words, in order."""
        count = len(words)
        return tuple(one for one in self.statements if one.words[:count] == words)

    def walk(self) -> Iterator[tuple[tuple[Statement, ...], Statement]]:
        """Every statement with the blocks that it is in, outermost first, in order."""
        yield from _walk((), self.statements)

    @property
    def ending(self) -> bytes:
        """The file's own line ending: that of its first line, LF where there is none."""
        return b"\r\n" if self.lines and self.lines[0].raw.endswith(b"\r\n") else b"\n"

    @property
    def valid(self) -> bool:
        """No problem of level error."""
        return not any(problem.level == "error" for problem in self.problems)


def _walk(
    path: tuple[Statement, ...], statements: tuple[Statement, ...]
) -> Iterator[tuple[tuple[Statement, ...], Statement]]:
    for statement in statements:
        yield path, statement
        if statement.children:
            yield from _walk((*path, statement), statement.children)


def raw_lines(data: bytes) -> list[bytes]:
    """The lines with their LF; the last one may lack it. Nothing is lost: joined they are the data."""
    pieces = data.split(b"\n")
    last = pieces.pop()
    lines = [piece + b"\n" for piece in pieces]
    if last:
        lines.append(last)
    return lines
