"""Bytes of a keepalived.conf to a document: blocks within blocks, problems located. Never raises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from lbctl.document import Document, Language, Line, Statement
from lbctl.document.nearest import nearest
from lbctl.document.text import Key, raw_lines
from lbctl.errors import Place, Problem
from lbctl.keepalived.check import check
from lbctl.keepalived.secrets import secret
from lbctl.keepalived.tables import FILE_DEFINITIONS, LISTS, NAMED_BLOCKS, ONE_VALUE, ROOTS
from lbctl.keepalived.words import CONTINUED, MAX_LINE, scan

BOM = b"\xef\xbb\xbf"
_DEFINITION = re.compile(r"\$[A-Za-z_]\w*=")
_SIMPLE = re.compile(rb"[#!\"'\\{}$~@\x00\r]")


def parse(data: bytes, file: str = "keepalived.conf") -> Document:
    """The document of any bytes. What the daemon complains about is in `problems`.

    What nobody knows is kept in place.
    """
    builder = _Builder(file)
    lines = [builder.line(number, raw) for number, raw in enumerate(raw_lines(data), 1)]
    builder.close_all(len(lines))
    statements = tuple(builder.top)
    problems = list(builder.problems)
    if data.startswith(BOM):
        text = "a byte order mark makes the first word unknown"
        problems.append(Problem(text, Place(file, 1, 1), "remove it", code="bom"))
    if builder.uncertain:
        problems = [_doubtful(problem) for problem in problems]
    problems += check(statements, file)
    problems.sort(key=lambda problem: (problem.place.line, problem.place.column) if problem.place else (0, 0))
    return Document(file, LANGUAGE, tuple(lines), statements, tuple(problems))


def key(section: tuple[str, ...], words: tuple[str, ...]) -> Key | None:
    """What names a statement within its block.

    Blocks with a name by it, items of a list by their first word, settings by keyword.
    """
    first = words[0]
    if first in NAMED_BLOCKS and first != "track_process":
        return words[:3] if first in ("virtual_server", "real_server") else words[:2]
    if first in FILE_DEFINITIONS and not section:
        return words[:2]
    if section and section[0] in LISTS:
        return words[:1]
    if first.startswith(("@", "~", "$")) and not _DEFINITION.match(first):
        return None
    return words[:1]


def _doubtful(problem: Problem) -> Problem:
    """Conditions and definitions may bring braces of their own: then a count of them proves nothing."""
    return replace(problem, level="warning") if problem.code in ("missing-brace", "extra-brace") else problem


@dataclass
class _Open:
    """A block that is not closed yet."""

    words: tuple[str, ...]
    line: int
    children: list[Statement] = field(default_factory=list)


@dataclass
class _Builder:
    """The parser's position: the open blocks, and the definition that goes on."""

    file: str
    top: list[Statement] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    uncertain: bool = False
    defining: bool = False
    section: tuple[str, ...] = ()

    @property
    def siblings(self) -> list[Statement]:
        return self.stack[-1].children if self.stack else self.top

    def line(self, number: int, raw: bytes) -> Line:
        before = self.section
        words = self._words(number, raw)
        return Line(number, raw, words, before or self.section)

    def _words(self, number: int, raw: bytes) -> tuple[str, ...]:
        content = raw.rstrip(b"\r\n")
        if not _SIMPLE.search(content) and len(content) <= MAX_LINE and not self.defining:
            words = tuple([word.decode("utf-8", "surrogateescape") for word in content.split()])
            if words:
                self._statement(number, words)
            return words
        chunks = [content[at : at + MAX_LINE] for at in range(0, len(content), MAX_LINE)] or [b""]
        found = [self._chunk(number, chunk, at * MAX_LINE) for at, chunk in enumerate(chunks)]
        if len(chunks) > 1:
            text = f"keepalived cuts a line after {MAX_LINE} bytes and reads on as a new one"
            self._problem(number, MAX_LINE + 1, "long-line", text)
        return tuple(word for words in found for word in words)

    def _chunk(self, number: int, content: bytes, offset: int) -> tuple[str, ...]:
        result = scan(content)
        words = tuple(word.text for word in result.words)
        braces = [word.end - word.start == 1 and word.text in ("{", "}") for word in result.words]
        continued = any(code == CONTINUED for _, code, _ in result.faults)
        definition = self.defining or _defines(words)
        for column, code, text in result.faults:
            if code != CONTINUED:
                self._problem(number, column + offset, code, text)
            elif not definition:
                self._problem(number, column + offset, "continuation", text, level="warning")
        if definition:
            self._define(number, words, continued)
        elif words:
            self._pieces(number, words, braces)
        return words

    def _define(self, number: int, words: tuple[str, ...], continued: bool) -> None:
        """One line of a definition: its text is not read as configuration before it is used."""
        self.uncertain = self.uncertain or "{" in words or "}" in words
        if self.defining and self.siblings:
            started = self.siblings.pop()
            self.siblings.append(replace(started, words=started.words + words, last=number))
        else:
            self.siblings.append(Statement(words, number, number))
        self.defining = continued

    def _pieces(self, number: int, words: tuple[str, ...], braces: list[bool]) -> None:
        """One line's words, cut at its braces as the daemon does."""
        pending: list[str] = []
        for word, brace in zip(words, braces, strict=True):
            if not brace:
                pending.append(word)
                continue
            if len(pending) == 1 and pending[0].startswith("@"):
                # `@id {` and `@id }`: a brace for some nodes only
                self.uncertain, pending = True, []
            if word == "{":
                self._open(number, tuple(pending))
            else:
                if pending:
                    self._statement(number, tuple(pending))
                self._close(number)
            pending = []
        if pending:
            self._statement(number, tuple(pending))

    def _statement(self, number: int, words: tuple[str, ...]) -> None:
        if not self.stack:
            self._root(number, words)
            self.section = ()
        self.siblings.append(Statement(words, number, number))
        if "\xa0" in words[0] or words[0].startswith("\ufeff"):
            self._problem(number, 1, "nbsp", "an invisible character is part of the first word")
        bare = words[1:] if words[0].startswith("@") else words
        if bare and bare[0] in ONE_VALUE and len(bare) > 2 and self.stack and not self._listing():
            text = (
                f"'{' '.join(bare[2:])}' after '{bare[0]}' is dropped without a word"
                if bare[0] != "auth_pass"
                else ("what follows the password on its line is dropped without a word")
            )
            self._problem(number, 1, "dropped-words", text, "write one statement a line", "warning")

    def _listing(self) -> bool:
        return bool(self.stack) and self.stack[-1].words[0:1] != () and self.stack[-1].words[0] in LISTS

    def _root(self, number: int, words: tuple[str, ...]) -> None:
        first = words[0]
        if first.startswith("@") and len(words) > 1:
            self.uncertain, first = True, words[1]
        if first in ROOTS or first.startswith(("$", "~")):
            self.uncertain = self.uncertain or first.startswith(("$", "~"))
            return
        text = f"keepalived 2.2 knows no '{first}' here and skips it"
        close = nearest(first, sorted(ROOTS))
        self._problem(
            number, 1, "unknown-section", text, f"did you mean {close}?" if close else "", "warning"
        )

    def _open(self, number: int, words: tuple[str, ...]) -> None:
        if not words and self.siblings and not self.siblings[-1].block and not self.siblings[-1].children:
            header = self.siblings.pop()
            words, number = header.words, header.line
        elif not words:
            self._problem(number, 1, "extra-brace", "a '{' without a block to open")
            words = ("{",)
        elif not self.stack:
            self._root(number, words)
        if len(words) > 2 and any(word in LISTS for word in words[2:]):
            text = "several statements on one line: keepalived reads one"
            self._problem(number, 1, "dropped-words", text, "write one statement a line")
        if not self.stack:
            self.section = words
        self.stack.append(_Open(words, number))

    def _close(self, number: int) -> None:
        if not self.stack:
            self._problem(number, 1, "extra-brace", "a '}' without a block to close")
            return
        block = self.stack.pop()
        self.siblings.append(Statement(block.words, block.line, number, tuple(block.children), block=True))
        if not self.stack:
            self.section = ()

    def close_all(self, number: int) -> None:
        """The end of the file ends every block."""
        for block in self.stack:
            self._problem(block.line, 1, "missing-brace", f"'{' '.join(block.words[:2])}' is never closed")
        while self.stack:
            self._close(number)

    def _problem(
        self, line: int, column: int, code: str, text: str, mend: str = "", level: str = "error"
    ) -> None:
        self.problems.append(Problem(text, Place(self.file, line, column), mend, level, code))


def _defines(words: tuple[str, ...]) -> bool:
    first = words[1] if len(words) > 1 and words[0].startswith("@") else (words[0] if words else "")
    return bool(_DEFINITION.match(first))


LANGUAGE = Language("keepalived", parse, scan, secret, key, braces=True)
