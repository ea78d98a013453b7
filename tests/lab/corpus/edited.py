"""Edits of real configurations through the document, to be shown to a daemon."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lbctl.document import Document, Statement, edit
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

# What every other section takes its settings from.
SHARED = frozenset({"defaults", "global", "global_defs"})


@dataclass(frozen=True)
class Edit:
    """One edit. `section` is the outermost block that the statement is in, or itself."""

    file: str
    statement: Statement
    section: Statement
    removed: bool
    harmless: bool
    content: bytes

    @property
    def title(self) -> str:
        what = "without" if self.removed else "with another word in"
        return f"{self.file} {what} line {self.statement.line}: {' '.join(self.statement.words[:6])}"

    def original(self, line: int) -> int:
        """The number that a line of the edited text has in the original."""
        count = self.statement.last - self.statement.line + 1 if self.removed else 0
        return line if line < self.statement.line else line + count

    def concerns(self, complaint: Complaint) -> bool:
        """Whether a complaint is of what was edited: its section, or one that names it."""
        if self.section.line <= complaint.line <= self.section.last or self.section.keyword in SHARED:
            return True
        if complaint.text.startswith("Non-existent interface"):  # whose, it does not say
            return True
        words = [*self.statement.words[1:], *self.section.words[1:2]]
        return any(word in complaint.text for word in words if len(word) > 1)


Harmless = Callable[[Document, Sequence[Statement], Statement], bool]


def edits(document: Document, file: str, harmless: Harmless, most: int) -> list[Edit]:
    """Up to `most` harmless removals, as many others, and as many words changed: always the same ones."""
    walked = list(document.walk())
    chance = random.Random(len(walked))
    found: dict[bool, list[Edit]] = {True: [], False: []}
    for path, one in chance.sample(walked, len(walked)):
        if all(len(kind) >= most for kind in found.values()):
            break
        free = harmless(document, path, one)
        if len(found[free]) < most:
            found[free].append(_removed(document, file, path, one, free))
    words = [
        (path, one, index)
        for path, one in chance.sample(walked, min(len(walked), 10 * most))
        if spans_of(document, one)
        for index in range(1, len(one.words))
    ]
    chosen = chance.sample(words, min(len(words), most))
    return [*found[True], *found[False], *(_reworded(document, file, *each) for each in chosen)]


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


def _removed(
    document: Document, file: str, path: Sequence[Statement], one: Statement, harmless: bool
) -> Edit:
    section = path[0] if path else one
    return Edit(file, one, section, True, harmless, edit.remove(document, one).render())


def _reworded(
    document: Document,
    file: str,
    path: Sequence[Statement],
    one: Statement,
    index: int,
) -> Edit:
    raw, spans = document.lines[one.line - 1].raw, spans_of(document, one)
    start, end = spans[index]
    text = raw[spans[0][0] : start] + b"zzz9" + raw[end : spans[-1][1]]
    after = edit.replace(document, one, text.decode("utf-8", "surrogateescape"))
    return Edit(file, one, path[0] if path else one, False, False, after.render())
