"""Take the secrets out of a text that is shown or stored."""

from __future__ import annotations

from lbctl.document.text import Document, Language, Line, Scan

MASK = "***"


def mask(document: Document) -> bytes:
    """The file with each secret word replaced by `***`, everything else to the byte.

    Commented-out secrets are masked too: they are often last year's, and often still in use.
    """
    return b"".join([_masked(document.language, line) for line in document.lines])


def holds_secret(document: Document) -> bool:
    """Whether `mask` would hide anything."""
    return any(hidden(document.language, line) for line in document.lines)


def masked_words(language: Language, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of one statement as they may be shown."""
    hidden = language.secret(words)
    if not hidden:
        return words
    return tuple(MASK if index in hidden else word for index, word in enumerate(words))


def _masked(language: Language, line: Line) -> bytes:
    raw, parts, done = line.raw, [], 0
    for start, end in hidden(language, line):
        parts += [raw[done:start], MASK.encode()]
        done = end
    return b"".join([*parts, raw[done:]])


def hidden(language: Language, line: Line) -> list[tuple[int, int]]:
    """The byte ranges of a line that nobody may see, in order; also in its comment."""
    content = line.raw.rstrip(b"\r\n")
    if line.words and b"#" not in content and b"!" not in content and not language.secret(line.words):
        return []
    if not content.strip():
        return []
    scan = language.scan(content)
    ranges = _ranges(language, scan, 0)
    if scan.comment < len(content):
        text = content[scan.comment :]
        start = scan.comment + len(text) - len(text.lstrip(b"#! \t"))
        ranges += _ranges(language, language.scan(content[start:]), start)
    return ranges


def _ranges(language: Language, scan: Scan, offset: int) -> list[tuple[int, int]]:
    hidden = language.secret(tuple(word.text for word in scan.words))
    return [
        (word.start + offset, word.end + offset) for index, word in enumerate(scan.words) if index in hidden
    ]
