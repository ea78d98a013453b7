"""How HAProxy splits a line into words, and how a word is written so that it comes back.

Source: configuration manual 2.2 (quoting and escaping), measured with 2.6.12. Environment variables are
not expanded: a word keeps `${NAME}` as it is written.
"""

from __future__ import annotations

import re

from lbctl.document import Scan, Word, decode
from lbctl.errors import InputError, Problem

# What ends, joins or hides words. A line without any of these is its bytes split at white space.
SPECIAL = re.compile(rb"[\"'\\#\r\x00]")

_TOKEN = re.compile(
    rb"""(?P<end>[\r\x00])
    |(?P<comment>\#)
    |(?P<blank>[ \t\v\f\n]+)
    |"(?P<double>(?:[^"\\\r\x00]|\\[^\r\x00])*)"
    |'(?P<single>[^'\r\x00]*)'
    |(?P<escape>\\(?:x[0-9A-Fa-f]{2}|[^x\r\x00\t\v\f\n]))
    |(?P<plain>[^ \t\v\f\n"'\\\#\r\x00]+)
    |(?P<open>["'])
    |(?P<badhex>\\x)
    |(?P<lone>\\)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[ \\tnr#'\"])")
_ESCAPE_QUOTED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[ \\tnr#'\"$])")
_CONTROL = {b"t": b"\t", b"n": b"\n", b"r": b"\r"}
# within double quotes, an unescaped $ must begin a variable's name
_BAD_VARIABLE = re.compile(rb"(?:[^\\]|\A)(?:\\\\)*\$(?!\{?[A-Za-z_.])")
_BAD_HEX = re.compile(rb"(?:[^\\]|\A)(?:\\\\)*\\x(?![0-9A-Fa-f]{2})")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if len(code) == 3:
        return bytes([int(code[1:], 16)])
    return _CONTROL.get(code, code)


def scan(content: bytes) -> Scan:
    """The words of one line (its ending is allowed and ignored).

    With the bytes that each was written with.
    """
    words: list[Word] = []
    faults: list[tuple[int, str, str]] = []
    parts: list[bytes] = []
    start, pos, size = -1, 0, len(content)
    comment = size
    while pos < size:
        match = _TOKEN.match(content, pos)
        kind = match.lastgroup if match else None
        if match is None or kind in ("end", "comment"):
            comment = pos if kind == "comment" else comment
            break
        if kind == "blank":
            if start >= 0:
                words.append(Word(decode(b"".join(parts)), start, pos))
            start, parts = -1, []
        else:
            start = pos if start < 0 else start
            parts.append(_text(kind or "", match, faults))
            if kind == "open":
                pos = size
                break
        pos = match.end()
    if start >= 0:
        words.append(Word(decode(b"".join(parts)), start, pos))
    return Scan(tuple(words), comment, tuple(faults))


def _text(kind: str, match: re.Match[bytes], faults: list[tuple[int, str, str]]) -> bytes:
    """The bytes that one piece of a word stands for; what is wrong with it goes to `faults`."""
    column = match.start() + 1
    if kind == "plain":
        return match[0]
    if kind == "single":
        return match["single"]
    if kind == "escape":
        return _ESCAPE.sub(_unescaped, match[0])
    if kind == "double":
        faults += [(column, code, text) for code, text in _quoted_faults(match["double"])]
        return _ESCAPE_QUOTED.sub(_unescaped, match["double"])
    if kind == "open":
        faults.append((column, "unmatched-quote", "unmatched quote"))
        return match.string[match.end() :].rstrip(b"\r\n")
    if kind == "badhex":
        faults.append((column, "bad-escape", "incomplete \\x escape"))
    return match[0]


def _quoted_faults(content: bytes) -> list[tuple[str, str]]:
    found = []
    if b"$" in content and _BAD_VARIABLE.search(content):
        found.append(("bad-variable", "'$' within double quotes must begin a variable's name"))
    if b"\\x" in content and _BAD_HEX.search(content):
        found.append(("bad-escape", "incomplete \\x escape"))
    return found


_PLAIN_WORD = re.compile(r"[^\s\"'\\#\x00-\x20\x7f]+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


# Within double quotes, what begins a variable; any other `$` is a fault there.
_VARIABLE = re.compile(r"\$\{?[A-Za-z_.]")
_SPECIAL = re.compile(r'["\\$]')
_SPECIAL_BUT_VARIABLES = re.compile(r'["\\]|\$(?!\{?[A-Za-z_.])')


def quote(word: str) -> str:
    """The word as it must be written.

    As it is, or within double quotes where HAProxy would read it otherwise.

    The word is meant literally: `$` is escaped within quotes. Raises InputError for a newline or
    another control character: one word means one word.
    """
    _check(word)
    return word if _PLAIN_WORD.fullmatch(word) else _quoted(word, _SPECIAL)


def rewrite(word: str) -> str:
    """A word of a document as it must be written: `$NAME` and `${NAME}` in it are variables.

    Those stand within double quotes, where HAProxy puts their values in. Raises InputError as `quote`.
    """
    _check(word)
    return _quoted(word, _SPECIAL_BUT_VARIABLES) if _VARIABLE.search(word) else quote(word)


def _quoted(word: str, special: re.Pattern[str]) -> str:
    return '"' + special.sub(r"\\\g<0>", word) + '"'


def _check(word: str) -> None:
    if _FORBIDDEN.search(word):
        raise InputError([Problem("a word may not hold a newline or a control character", code="control")])
