"""How keepalived splits a line into words, and how a word is written so that it comes back.

Source: keepalived.conf(5) and measurement with 2.2.7. A line is cut after 1023 bytes and goes on as a
new one. `#` and `!` start a comment anywhere outside double quotes, also within a word, unless a
backslash stands before. A double quote starts a word of its own. Braces outside double quotes are
words, wherever they stand. Single quotes and backslashes mean something to scripts only.
"""

from __future__ import annotations

import re

from lbctl.document import Scan, Word, decode, encode
from lbctl.errors import InputError, Problem

Fault = tuple[int, str, str]

MAX_LINE = 1023
CONTINUED = "continued"
UNMATCHED = "unmatched-quote"
_UNMATCHED = "unmatched quote: keepalived crashes on it"

_MARK = re.compile(rb"[!#\"\\]")
_TOKEN = re.compile(
    rb"""(?P<blank>[ \t\v\f\r\n\x00]+)
    |"(?P<quoted>[^"]*)"
    |(?P<bare>(?:\A~[A-Za-z]+\([^)]*\)|\$\{[^{}"]*\}|[^ \t\v\f\r\n\x00"{}])+)
    |(?P<brace>[{}])
    |(?P<open>")""",
    re.VERBOSE | re.DOTALL,
)
_SCRIPT_TOKEN = re.compile(
    rb"""(?P<blank>[ \t\v\f\r\n\x00]+)
    |(?P<brace>[{}])
    |(?P<word>(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|\$\{[^{}"]*\}|[^ \t\v\f\r\n\x00"'{}\\])+)
    |(?P<open>["'\\])""",
    re.VERBOSE | re.DOTALL,
)
_SCRIPT_PIECE = re.compile(rb"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|\\(.)|([^\"'\\]+)", re.DOTALL)
_ESCAPED_MARK = re.compile(rb"\\([#!])")
_INCLUDE_TOKEN = re.compile(
    rb"""(?P<blank>[ \t\v\f\r\n\x00]+)|"(?P<quoted>[^"]*)"|(?P<bare>[^ \t\v\f\r\n\x00"]+)|(?P<open>")""",
    re.VERBOSE | re.DOTALL,
)
# A name pattern's braces are its own.
_INCLUDE = re.compile(rb"(?:@\S+[ \t]+)?include\w?[ \t]")
_DEFINED = re.compile(rb"\$\{\w+\}")
# Keywords whose value is a command: quoted as a shell would.
SCRIPTS = re.compile(
    rb"(?:@\S+[ \t]+)?(?:script|notify(?:_\w+)?|misc_path|quorum_up|quorum_down|vrrp_notify\w*)[ \t]"
)


def scan(content: bytes) -> Scan:
    """The words of one physical line, with the bytes that each was written with.

    The words of its overlong rest follow.

    A trailing backslash is reported as the fault `continued` and is no word: it means something within
    a definition only.
    """
    if len(content) <= MAX_LINE:
        return _scan_chunk(content, 0)
    words: list[Word] = []
    faults = [
        (
            MAX_LINE + 1,
            "long-line",
            f"keepalived cuts a line after {MAX_LINE} bytes and reads on as a new one",
        )
    ]
    comment = len(content)
    for offset in range(0, len(content), MAX_LINE):
        part = _scan_chunk(content[offset : offset + MAX_LINE], offset)
        words += part.words
        faults += part.faults
        comment = min(comment, part.comment) if part.comment < offset + MAX_LINE else comment
    return Scan(tuple(words), comment, tuple(faults))


def _scan_chunk(content: bytes, offset: int) -> Scan:
    content = content.rstrip(b"\r\n")
    comment, faults = _comment(content)
    code = content[:comment]
    if faults and faults[-1][1] == CONTINUED and code.endswith(b"\\"):
        code = code[:-1]
    lead = len(code) - len(code.lstrip(b" \t"))
    if SCRIPTS.match(code, lead):
        words, more = _script_words(code[lead:])
    else:
        words, more = _plain_words(code[lead:], _INCLUDE_TOKEN if _INCLUDE.match(code, lead) else _TOKEN)
    shift = offset + lead
    moved = tuple(Word(word.text, word.start + shift, word.end + shift) for word in words)
    if any(name == UNMATCHED for _, name, _ in faults):
        more = []
    located = tuple(
        [(column + offset, name, text) for column, name, text in faults]
        + [(column + shift, name, text) for column, name, text in more]
    )
    return Scan(moved, comment + offset, located)


def _comment(content: bytes) -> tuple[int, list[Fault]]:
    """Where the comment starts, and the faults that go with it."""
    quote, comment, pos = -1, len(content), 0
    faults: list[Fault] = []
    while match := _MARK.search(content, pos):
        pos = match.end()
        mark = match[0]
        if mark == b"\\":
            if pos == len(content):
                faults.append((pos, CONTINUED, "a backslash continues a line only within a definition"))
            pos += 1
        elif comment < len(content):
            continue
        elif mark == b'"':
            quote = match.start() if quote < 0 else -1
        elif quote < 0:
            comment = match.start()
    if quote >= 0:
        faults.insert(0, (quote + 1, UNMATCHED, _UNMATCHED))
    return comment, faults


def _plain_words(code: bytes, token: re.Pattern[bytes]) -> tuple[list[Word], list[Fault]]:
    words: list[Word] = []
    faults: list[Fault] = []
    for match in token.finditer(code):
        kind = match.lastgroup
        if kind == "open":
            words.append(Word(decode(code[match.end() :]), match.start(), len(code)))
            faults.append((match.start() + 1, UNMATCHED, _UNMATCHED))
            break
        if kind == "bare":
            words.append(Word(decode(_ESCAPED_MARK.sub(rb"\1", match[0])), match.start(), match.end()))
        elif kind != "blank":
            text = match["quoted"] if kind == "quoted" else match[0]
            words.append(Word(decode(text), match.start(), match.end()))
    return words, faults


def _script_words(code: bytes) -> tuple[list[Word], list[Fault]]:
    words: list[Word] = []
    faults: list[Fault] = []
    for match in _SCRIPT_TOKEN.finditer(code):
        kind = match.lastgroup
        if kind == "open":
            words.append(Word(decode(code[match.end() :]), match.start(), len(code)))
            if match[0] == b"'":
                return words, [(match.start() + 1, UNMATCHED, _UNMATCHED)]
            break
        if kind == "brace":
            words.append(Word(decode(match[0]), match.start(), match.end()))
        elif kind == "word":
            text = b"".join(_script_text(piece) for piece in _SCRIPT_PIECE.finditer(match[0]))
            words.append(Word(decode(text), match.start(), match.end()))
            if b"'" in match[0] and b"{" in _DEFINED.sub(b"", re.sub(rb'"[^"]*"', b"", match[0])):
                # single quotes do not hide a brace: it ends the line, and the quote is open
                faults.append((match.start() + 1, UNMATCHED, _UNMATCHED))
    return words, faults


def _script_text(piece: re.Match[bytes]) -> bytes:
    double, single, escaped, plain = piece.groups()
    if double is not None:
        return re.sub(rb"\\(.)", rb"\1", double, flags=re.DOTALL)
    return single or escaped or plain or b""


_PLAIN_WORD = re.compile(r"[^\s\"'\\#!{}\x00-\x20\x7f]+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


def quote(word: str, keyword: str = "") -> str:
    """The word as it must be written.

    As it is, or within double quotes where keepalived would read it otherwise.

    After a keyword whose value is a command (`script`, `notify…`), quotes and backslashes are escaped.
    Elsewhere a word cannot hold a double quote, nor end in a backslash: InputError, as for a newline or
    control character.
    """
    if _FORBIDDEN.search(word):
        raise InputError([Problem("a word may not hold a newline or a control character", code="control")])
    if _PLAIN_WORD.fullmatch(word):
        return word
    if SCRIPTS.match(encode(f"{keyword} ")):
        return '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'
    if '"' in word or word.endswith("\\"):
        text = "keepalived cannot hold a double quote in a word, nor a backslash at its end"
        raise InputError([Problem(text, code="double-quote")])
    return f'"{word}"'
