"""Text from nodes and files, made harmless: nothing in it may move a cursor, reorder a line or hide."""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal obeys, or that cannot be seen: controls, bidi marks, surrogates."""

NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def safe(text: object) -> str:
    """`text` on one line, each character that is not for the eye written as an escape."""
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(map(_escaped, shown))


def safe_lines(text: str) -> list[str]:
    """The lines of `text`, each of them safe; an empty text has none."""
    return [safe(line) for line in text.split("\n")] if text else []


def plain_unicode(text: str) -> str:
    """`text` with bytes that were not UTF-8 written as \\xNN: what any JSON parser takes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown_lines(data: bytes) -> list[str]:
    """A file's lines for a text diff: tabs as blanks, everything else as `safe` has it."""
    text = data.decode("utf-8", "surrogateescape")
    return [safe(line.expandtabs(8)) for line in text.removesuffix("\n").split("\n")] if text else []


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in HIDDEN:
        return char
    code = ord(char)
    if char in NAMED:
        return NAMED[char]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, carried as a surrogate
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
