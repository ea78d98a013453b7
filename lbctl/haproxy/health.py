"""What a server's health is measured of. Where that is another thing afterwards, its old health says nothing.

HAProxy believes what it is told: a state that is carried over hides a changed port or TLS (measured).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.document import Document, Statement
from lbctl.haproxy.tables import ASIDE, CHECK_LINES, CHECK_OPTIONS, TLS_LINES
from lbctl.haproxy.views import proxies

Judged = tuple[tuple[str, ...], ...]


def differently_judged(before: Document, after: Document) -> tuple[str, ...]:
    """The servers (BACKEND/SERVER) that have another address, port, check or TLS, that go, or are new."""
    old, new = judged(before), judged(after)
    return tuple(name for name in {**old, **new} if old.get(name) != new.get(name))


def judged(document: Document) -> Mapping[str, Judged]:
    """By BACKEND/SERVER: the words that its health depends on, those of its section and defaults too."""
    sections = {one.line: one for one in document.statements if one.block}
    shared = [line.words for one in document.find("global") for line in one.children if _tls(line)]
    found: dict[str, Judged] = {}
    for one in proxies(document):
        around = [section for line in (one.defaults, one.line) if (section := sections.get(line))]
        checks = [line.words for section in around for line in section.children if _checks(line)]
        inherited: list[str] = []
        for line in (line for section in around for line in section.children):
            if line.keyword == "default-server":
                inherited += line.words[1:]
            elif line.keyword == "server" and len(line.words) > 2 and one.kind != "frontend":
                words = (line.words[2], *_weighed((*inherited, *line.words[3:])))
                found[f"{one.name}/{line.name}"] = (words, *checks, *shared)
    return found


def _weighed(words: Sequence[str]) -> Iterator[str]:
    """Those that its health depends on; a word that nobody knows counts as one."""
    skipped = 0
    for word in words:
        if skipped:
            skipped -= 1
        elif word in ASIDE:
            skipped = ASIDE[word]
        else:
            yield word


def _checks(line: Statement) -> bool:
    words = line.words[1:] if line.keyword == "no" else line.words
    return words[:1] in CHECK_LINES or words[:2] in CHECK_OPTIONS


def _tls(line: Statement) -> bool:
    return line.keyword in TLS_LINES
