"""Take the secrets out of a text that is shown or stored."""

from __future__ import annotations

import re

from lbctl.document.text import Document, Language, Line, Scan

MASK = "***"

_REFERENCE = b"${secret."
# a comment's mark ends a word: what was meant to be the rest of a password is hidden with it
_REST = re.compile(rb"[#!][^\s\"{}]*")


def mask(document: Document, *, template: bool = False) -> bytes:
    """The file with each secret word replaced by `***`, everything else to the byte.

    Commented-out secrets are masked too: they are often last year's, and often still in use. Of a `template`
    a reference to a secret stays.
    """
    return b"".join([_masked(document.language, line, template) for line in document.lines])


def holds_secret(document: Document, *, template: bool = False) -> bool:
    """Whether `mask` would hide anything."""
    return any(_ranges(document.language, line, template) for line in document.lines)


def masked_words(language: Language, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of one statement as they may be shown."""
    hidden = language.secret(words)
    if not hidden:
        return words
    return tuple(MASK if index in hidden else word for index, word in enumerate(words))


def hidden(language: Language, line: Line) -> list[tuple[int, int]]:
    """The byte ranges of a line that nobody may see, in order, none within another; also in its comment."""
    content = line.raw.rstrip(b"\r\n")
    if line.words and b"#" not in content and b"!" not in content and not language.secret(line.words):
        return []
    if not content.strip():
        return []
    scan = language.scan(content)
    ranges = _secret(language, scan, content, 0)
    if scan.comment < len(content):
        text = content[scan.comment :]
        start = scan.comment + len(text) - len(text.lstrip(b"#! \t"))
        done = ranges[-1][1] if ranges else 0
        ranges += [
            one for one in _secret(language, language.scan(content[start:]), content, start) if one[0] >= done
        ]
    return ranges


def _masked(language: Language, line: Line, template: bool) -> bytes:
    raw, parts, done = line.raw, [], 0
    for start, end in _ranges(language, line, template):
        parts += [raw[done:start], MASK.encode()]
        done = end
    return b"".join([*parts, raw[done:]])


def _ranges(language: Language, line: Line, template: bool) -> list[tuple[int, int]]:
    found = hidden(language, line)
    return [(start, end) for start, end in found if not (template and _REFERENCE in line.raw[start:end])]


def _secret(language: Language, scan: Scan, content: bytes, offset: int) -> list[tuple[int, int]]:
    """The ranges of these words, which begin at `offset` of the line's content."""
    secret = language.secret(tuple(word.text for word in scan.words))
    words = [word for index, word in enumerate(scan.words) if index in secret]
    return [(word.start + offset, _end(content, word.end + offset)) for word in words]


def _end(content: bytes, end: int) -> int:
    rest = None if content[end - 1 : end] == b'"' else _REST.match(content, end)
    return rest.end() if rest else end
