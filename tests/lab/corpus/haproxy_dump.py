"""HAProxy's dump of a configuration as it was read (`haproxy -dC,line`, from 3.0), beside our own words.

The dump is taken before conditions are evaluated and after variables are put in; a word is followed by a
blank, and nothing shows where one with blanks of its own ends. So a second text is asked for, in which every
blank within a word, as we read it, is doubled: what separates words comes back as one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbctl.document import Document, Line, encode

DUMP = ("haproxy", "-dC,line", "-c", "-f", "FILE")
END = b"Configuration file has no error but will not start (no listener) => exit(2).\n"
NUMBERED = re.compile(rb"^(\d+)\t", re.MULTILINE)
BLANK = re.compile(rb"(\\?) ")


@dataclass(frozen=True)
class Compared:
    """How many lines and words the daemon has, and the lines that it reads otherwise."""

    lines: int
    words: int
    differ: tuple[str, ...]


def command(variables: Mapping[str, str]) -> tuple[str, ...]:
    """How to have a file dumped where these variables are set: complaints go elsewhere."""
    environment = (f"{name}={value}" for name, value in variables.items())
    return ("sh", "-c", 'exec "$@" 2>/dev/null', "sh", "env", *environment, *DUMP)


def marked(document: Document) -> bytes:
    """The text with two blanks for each one within a word, and for each one between two words."""
    return b"".join(_marked(document, line) for line in document.lines)


def compare(document: Document, said: bytes) -> Compared:
    """The daemon's words against ours, line by line."""
    theirs = read(said)
    ours = {line.number: line.words for line in document.lines if line.words}
    differ = []
    for number in sorted(theirs.keys() | ours.keys()):
        words = ours.get(number, ())
        own, found = _dumped(words), theirs.get(number, b"")
        # the daemon has no last word that is empty
        if own != found and (words[-1:] != ("",) or _dumped(words[:-1]) != found):
            differ.append(f"{number}: {own!r} is {found!r} to the daemon")
    return Compared(len(ours), sum(len(words) for words in ours.values()), tuple(differ))


def _dumped(words: Sequence[str]) -> bytes:
    return b"".join(encode(word) + b" " for word in words)


def read(said: bytes) -> dict[int, bytes]:
    """What the dump says of each line that has words."""
    pieces = NUMBERED.split(said.removesuffix(END))[1:]
    texts = zip(pieces[::2], pieces[1::2], strict=True)
    lines = {int(number): text.removeprefix(b"\t").removesuffix(b"\n") for number, text in texts}
    return {number: text for number, text in lines.items() if text}


def _marked(document: Document, line: Line) -> bytes:
    words = document.language.scan(line.raw).words
    done, parts = 0, []
    for word in words:
        parts += [
            line.raw[done : word.start].replace(b" ", b"  "),
            BLANK.sub(_twice, line.raw[word.start : word.end]),
        ]
        done = word.end
    return b"".join([*parts, line.raw[done:]])


def _twice(match: re.Match[bytes]) -> bytes:
    return match[0] * 2


PIECES = (
    *(b"a", b"b c", b" ", b"  ", b"\t", b"\v", b"\f", b"{", b"}", b"%[x]", b"\xe9", b"\xc3\xa9", b"#"),
    *(b'"', b'"', b"'", b"'", b"\\", b"\\", b"\\ ", b"\\\\", b'\\"', b"\\'", b"\\#", b"\\n", b"\\t", b"\\q"),
    *(
        b"\\x41",
        b"\\x4",
        b"\\x",
        b"\\$",
        b"${A}",
        b'"${A}"',
        b"'${A}'",
        b'"a b"',
        b"'a b'",
        b"'\\''",
        b"\\ \\ ",
    ),
)


def any_lines(chance: random.Random, count: int) -> list[bytes]:
    """Lines of whatever quoting and escaping; each begins with a word of its own."""
    return [
        b"l%d %s\n" % (number, b"".join(chance.choices(PIECES, k=chance.randint(1, 12))))
        for number in range(count)
    ]
