"""Bytes of a haproxy.cfg to a document: sections with their lines, problems located. Never raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lbctl.document import Document, Language, Line, Statement
from lbctl.document.text import Key, raw_lines
from lbctl.errors import Place, Problem
from lbctl.haproxy.check import check
from lbctl.haproxy.secrets import secret
from lbctl.haproxy.tables import CONDITION_ENDS, CONDITION_STARTS, MAX_WORDS, NAMED, ORDERED, SECTIONS
from lbctl.haproxy.words import SPECIAL, scan

BOM = b"\xef\xbb\xbf"


def parse(data: bytes, file: str = "haproxy.cfg") -> Document:
    """The document of any bytes. What the daemon would refuse is in `problems`.

    What nobody knows is kept in place.
    """
    builder = _Builder(file)
    lines = [builder.line(number, raw) for number, raw in enumerate(raw_lines(data), 1)]
    builder.close()
    problems = [*builder.problems, *_file_problems(data, file, len(lines))]
    problems += check(tuple(builder.statements), file)
    problems.sort(key=lambda problem: (problem.place.line, problem.place.column) if problem.place else (0, 0))
    return Document(file, LANGUAGE, tuple(lines), tuple(builder.statements), tuple(problems))


def key(section: tuple[str, ...], words: tuple[str, ...]) -> Key | None:
    """What names a line within its section.

    (keyword, name) of a named thing, (keyword,) of a setting, None of an ordered rule.
    """
    if not section:
        return words[:2]
    if words[0] in ("no", "default") and len(words) > 1:
        words = words[1:]
    if words[0] in ORDERED or words[0].startswith("."):
        return None
    if words[0] in NAMED and section[0] != "global":
        return words[:2]
    return words[:1]


@dataclass
class _Builder:
    """The parser's position: the open section and what it holds so far."""

    file: str
    statements: list[Statement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    header: tuple[str, ...] = ()
    started: int = 0
    last: int = 0
    depth: int = 0
    children: list[Statement] = field(default_factory=list)

    def line(self, number: int, raw: bytes) -> Line:
        words = self._words(number, raw)
        if words:
            if words[0] in SECTIONS:
                self.close()
                self.header, self.started, self.last, self.depth = words, number, number, 0
            else:
                self._statement(number, words)
        return Line(number, raw, words, self.header)

    def close(self) -> None:
        """End the open section."""
        if self.header:
            children = tuple(self.children)
            self.statements.append(Statement(self.header, self.started, self.last, children, block=True))
        self.children = []

    def _statement(self, number: int, words: tuple[str, ...]) -> None:
        statement = Statement(words, number, number)
        if not self.header:
            if not words[0].startswith("."):
                self._problem(number, 1, "no-section", f"'{words[0]}' stands before any section")
            self.statements.append(statement)
            return
        self.children.append(statement)
        # what follows an open .if may belong to the next section: an addition must not land in there
        if words[0] == CONDITION_STARTS:
            self.depth += 1
        elif words[0] == CONDITION_ENDS:
            self.depth -= 1
        if self.depth <= 0:
            self.last = number

    def _words(self, number: int, raw: bytes) -> tuple[str, ...]:
        content = raw[:-1] if raw.endswith(b"\n") else raw
        if content.endswith(b"\r"):
            content = content[:-1]
        if not SPECIAL.search(content):
            words = tuple([word.decode("utf-8", "surrogateescape") for word in content.split()])
        elif content.lstrip().startswith(b"#") and b"\x00" not in content:
            return ()
        else:
            words = self._scanned(number, content)
        if len(words) > MAX_WORDS:
            self._problem(
                number, 1, "too-many-words", f"{len(words)} words on a line, HAProxy takes {MAX_WORDS}"
            )
        if words and b"\xc2\xa0" in content and "\xa0" in words[0]:
            self._problem(
                number,
                1,
                "nbsp",
                "a no-break space is part of the word, not white space",
                "write a plain blank",
            )
        return words if words and words[0] else ()

    def _scanned(self, number: int, content: bytes) -> tuple[str, ...]:
        result = scan(content)
        for column, code, text in result.faults:
            self._problem(number, column, code, text)
        nul = content.find(b"\x00")
        if nul >= 0:
            self._problem(number, nul + 1, "nul", "a NUL byte cuts the line short")
        return tuple([word.text for word in result.words])

    def _problem(self, line: int, column: int, code: str, text: str, mend: str = "") -> None:
        self.problems.append(Problem(text, Place(self.file, line, column), mend, code=code))


def _file_problems(data: bytes, file: str, count: int) -> Iterable[Problem]:
    if data.startswith(BOM):
        yield Problem(
            "a byte order mark makes the first word unknown", Place(file, 1, 1), "remove it", code="bom"
        )
    if data and not data.endswith(b"\n"):
        text = "the last line does not end with a newline: HAProxy takes the file for cut short"
        yield Problem(text, Place(file, count), "end it with one", code="missing-lf")


LANGUAGE = Language("haproxy", parse, scan, secret, key)
