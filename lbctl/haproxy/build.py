"""A haproxy.cfg from words: sections with 4 blanks of indentation and a blank line between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lbctl.document import Document, encode
from lbctl.haproxy.parse import parse
from lbctl.haproxy.words import rewrite

INDENT = "    "


@dataclass(frozen=True)
class Section:
    """One section. A line is words, which are quoted where they must be, or text, which is taken as it is.

    Lines of text keep their own indentation beyond the section's: the caller has already taken off what
    is common.
    """

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...] | str, ...] = field(default=(), repr=False)


def build(sections: Sequence[Section], file: str = "haproxy.cfg") -> Document:
    """The document of these sections, in order.

    Raises InputError for a word with a newline or control character.
    """
    text = "\n".join("".join(f"{line}\n" for line in _lines(section)) for section in sections)
    return parse(encode(text), file)


def statement(words: Sequence[str]) -> str:
    """One line's text of a document's words, each quoted where it must be; variables stay variables."""
    return " ".join(rewrite(word) for word in words)


def _lines(section: Section) -> list[str]:
    body = [line if isinstance(line, str) else statement(line) for line in section.lines]
    return [statement(section.header), *(f"{INDENT}{line}" if line.strip() else "" for line in body)]
