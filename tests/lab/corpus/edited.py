"""Edits of real configurations through the document, to be shown to a daemon."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lbctl import keepalived
from lbctl.document import Document, Statement, edit
from lbctl.keepalived import reader
from lbctl.model.ip import canonical
from tests.fuzz.edits import spans_of
from tests.lab.corpus.complaints import Complaint

# What no other line needs, as far as the grammar says: its daemon has a value of its own.
HAPROXY = frozenset(
    {"balance", "compression", "description", "fullconn", "log", "maxconn", "retries", "timeout"}
)
KEEPALIVED = frozenset(
    {
        "advert_int",
        "garp_master_delay",
        "garp_master_refresh",
        "notification_email_from",
        "notify",
        "notify_backup",
        "notify_fault",
        "notify_master",
        "router_id",
        "smtp_alert",
        "smtp_connect_timeout",
        "smtp_server",
    }
)

NEW = "zzz9"  # the word in the place of another

# What every other section takes its settings from.
SHARED = frozenset({"defaults", "global", "global_defs"})

# What keepalived says once, of the first one that it meets: the node lacks it, whichever line wants it.
ONCE = re.compile(r"Non-existent interface|\(FILE: Line \d+\) Unable to set default user \S+ for script$")

_NAME = re.compile(r"(?<=\[)[0-9A-Fa-f:.]+(?=\])|[\w.-]*\w")


@dataclass(frozen=True)
class Edit:
    """One edit. `section` is the outermost block that the statement is in, or itself."""

    file: str
    statement: Statement
    section: Statement
    removed: bool
    harmless: bool
    content: bytes
    names: frozenset[str]

    @property
    def title(self) -> str:
        what = "without" if self.removed else "with another word in"
        return f"{self.file} {what} line {self.statement.line}: {' '.join(self.statement.words[:6])}"

    def original(self, line: int) -> int:
        """The number that a line of the edited text has in the original."""
        count = self.statement.last - self.statement.line + 1 if self.removed else 0
        return line if line < self.statement.line else line + count

    def concerns(self, complaint: Complaint) -> bool:
        """Whether a complaint is of what was edited, and not of what was left alone.

        It is where it points into the section that was edited, or where that is one that all others take
        settings from. It is where it names what was edited, or a section that names that: a sync group whose
        member is gone, an instance whose script is.
        """
        if self.section.line <= complaint.line <= self.section.last or self.section.keyword in SHARED:
            return True
        return bool(ONCE.match(complaint.text)) or not self.names.isdisjoint(_names(complaint.text))


def _names(text: str) -> set[str]:
    """The words of a text, addresses in one spelling."""
    return {canonical(word) for word in _NAME.findall(text)}


def _concerned(read: Document, section: Statement, one: Statement) -> frozenset[str]:
    """The words of the statement, of its section's header, and of those of the sections that name that one.

    As the daemon reads them: `$NAME` is put in.
    """
    header = [word for each in read.statements if each.line == section.line for word in each.words[1:]]
    naming = {
        path[0].line: path[0].words[1:]
        for path, below in read.walk()
        if path and path[0].line != section.line and header[:1] and header[0] in below.words
    }
    words = [*(one.words[1:] or one.words), *header, *(word for each in naming.values() for word in each)]
    return frozenset(canonical(word) for word in words)


Harmless = Callable[[Document, Sequence[Statement], Statement], bool]


def edits(document: Document, file: str, harmless: Harmless, most: int) -> list[Edit]:
    """Up to `most` harmless removals, as many others, and as many words changed: always the same ones."""
    read = document
    if document.language is keepalived.LANGUAGE:
        read = replace(document, statements=reader.read(document))
    walked = list(document.walk())
    chance = random.Random(len(walked))
    found: dict[bool, list[Edit]] = {True: [], False: []}
    for path, one in chance.sample(walked, len(walked)):
        if all(len(kind) >= most for kind in found.values()):
            break
        free = harmless(document, path, one)
        if len(found[free]) < most:
            content = edit.remove(document, one).render()
            section = path[0] if path else one
            names = _concerned(read, section, one)
            found[free].append(Edit(file, one, section, True, free, content, names))
    words = [
        (path, one, index)
        for path, one in chance.sample(walked, min(len(walked), 10 * most))
        if spans_of(document, one)
        for index in range(1, len(one.words))
    ]
    for path, one, index in chance.sample(words, min(len(words), most)):
        section = path[0] if path else one
        content = _reworded(document, one, index)
        names = _concerned(read, section, one) | {NEW}
        found[False].append(Edit(file, one, section, False, False, content, names))
    return [*found[True], *found[False]]


def harmless_haproxy(document: Document, path: Sequence[Statement], statement: Statement) -> bool:
    if not path or statement.keyword in HAPROXY:
        return bool(path) and path[0].keyword != "global"
    if statement.keyword == "server":
        return len(path[0].find("server")) > 1 and _unnamed(document, statement)
    return statement.keyword == "acl" and _unnamed(document, statement)


def harmless_keepalived(document: Document, path: Sequence[Statement], statement: Statement) -> bool:
    if not path or "$" in " ".join(statement.words) or statement.keyword in KEEPALIVED:
        return bool(path) and "$" not in " ".join(statement.words)
    return path[-1].keyword.startswith("virtual_ipaddress") and len(path[-1].children) > 1


def _unnamed(document: Document, statement: Statement) -> bool:
    """Whether no other line holds the statement's name."""
    return not any(
        statement.name in word for _, one in document.walk() if one is not statement for word in one.words[1:]
    )


def _reworded(document: Document, one: Statement, index: int) -> bytes:
    raw, spans = document.lines[one.line - 1].raw, spans_of(document, one)
    start, end = spans[index]
    text = raw[spans[0][0] : start] + NEW.encode() + raw[end : spans[-1][1]]
    return edit.replace(document, one, text.decode("utf-8", "surrogateescape")).render()
