"""A haproxy.cfg as its checks see it: read once, each proxy with the defaults section that it goes by.

A check of one file is a function of a `File`; nodes that have the same file share what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from lbctl.document import Document, Statement
from lbctl.errors import Problem
from lbctl.haproxy.times import seconds
from lbctl.haproxy.views import Bind, Proxy, Server, binds, proxies, servers
from lbctl.lint.rules import problem as finding
from lbctl.lint.subject import Machine, Subject, Text

Found = Iterator[tuple[str, Problem]]
MOST_NAMED = 3


@dataclass(frozen=True)
class Section:
    """One proxy: its own lines, and those of its defaults section."""

    proxy: Proxy
    own: Statement
    base: Statement | None
    servers: tuple[Server, ...]

    @property
    def name(self) -> str:
        return self.proxy.name

    @property
    def accepts(self) -> bool:
        """It has a client side: frontend and listen."""
        return self.proxy.kind != "backend"

    @property
    def forwards(self) -> bool:
        """It has a server side: backend and listen."""
        return self.proxy.kind != "frontend"

    @property
    def used(self) -> bool:
        """Not switched off with `disabled`."""
        return not self.proxy.disabled

    def lines(self, *words: str) -> tuple[Statement, ...]:
        """Its defaults' lines that begin with these words, and then its own."""
        return tuple(line for one in (self.base, self.own) if one for line in one.find(*words))

    def has(self, *words: str) -> bool:
        return bool(self.lines(*words))

    def option(self, name: str) -> bool:
        """Is the option on? Its own word counts before that of its defaults."""
        for section in (self.own, self.base):
            if section and section.find("no", "option", name):
                return False
            if section and section.find("option", name):
                return True
        return False

    def time(self, *words: str) -> float | None:
        """The seconds that the last such line gives; None without one, and for `0`, which is for ever."""
        last = self.lines(*words)[-1:]
        texts = last[0].words[len(words) :] if last else ()
        return (seconds(texts[0]) if texts else None) or None

    def server_words(self, server: Server) -> tuple[str, ...]:
        """What is said of a server, the last word on a thing last: default-server lines, then its own."""
        shared = [word for line in self.lines("default-server") for word in line.words[1:]]
        return (*shared, *server.words[3:])


@dataclass(frozen=True)
class File:
    """One node's haproxy.cfg, or that of several which have the same.

    HAProxy reads the `pieces` together with it; `partial`: others too, which nobody has here. `beside` are
    files that lie beside one that is in no cluster file: pieces, or other nodes' files. `open_files` is what
    HAProxy's unit allows, 0 = no limit, or unknown.
    """

    text: Text
    pieces: tuple[Document, ...] = ()
    beside: tuple[Document, ...] = ()
    partial: bool = False
    open_files: int = 0

    @property
    def document(self) -> Document:
        return self.text.document

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        blocks = {one.line: one for one in self.document.statements if one.block}
        found = {one.line: one for one in servers(self.document)}
        return tuple(
            Section(
                one,
                blocks[one.line],
                blocks.get(one.defaults),
                tuple(found[line.line] for line in blocks[one.line].children if line.line in found),
            )
            for one in proxies(self.document)
        )

    @cached_property
    def binds(self) -> tuple[Bind, ...]:
        return binds(self.document)

    @cached_property
    def conditional(self) -> bool:
        """It has lines that count only under a condition (`.if`), which nobody evaluates here."""
        return any(one.keyword.startswith(".") for _, one in self.document.walk())

    def problem(self, code: str, text: str, line: int, mend: str = "") -> Problem:
        """A finding at this line; 0 = the whole file."""
        return finding(code, text, self.text.place(line), mend)


FileCheck = Callable[[File], Iterator[Problem]]


def each(checks: Sequence[FileCheck]) -> Callable[[Subject], Found]:
    """One check of a subject out of these: every file once, for all the nodes that have it."""

    def run(subject: Subject) -> Found:
        for file, nodes in files(subject):
            for check in checks:
                for problem in check(file):
                    yield from ((node, problem) for node in nodes)

    return run


def listed(names: Sequence[str]) -> str:
    """Names as a sentence begins with them: the first few, and how many more there are."""
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"


def files(subject: Subject) -> Iterator[tuple[File, tuple[str, ...]]]:
    """Each haproxy.cfg once, with the nodes that have it."""
    found: dict[tuple[object, ...], tuple[File, list[str]]] = {}
    for machine in subject.machines:
        if machine.haproxy is None:
            continue
        document = machine.haproxy.document
        file = File(
            machine.haproxy,
            machine.pieces,
            _beside(subject, machine),
            machine.partial,
            machine.open_files,
        )
        others = (one.render() for one in (*file.pieces, *file.beside))
        around = (file.partial, file.open_files, *others)
        key = (document.file, document.render(), machine.haproxy.places, *around)
        found.setdefault(key, (file, []))[1].append(machine.name)
    return ((file, tuple(nodes)) for file, nodes in found.values())


def _beside(subject: Subject, machine: Machine) -> tuple[Document, ...]:
    """Of files that are nobody's cluster, the others in the same directory."""
    if subject.name:
        return ()
    folder = _folder(machine)
    others = (one for one in subject.machines if one is not machine and _folder(one) == folder)
    return tuple(one.haproxy.document for one in others if one.haproxy)


def _folder(machine: Machine) -> str:
    return str(PurePosixPath(machine.haproxy.document.file).parent) if machine.haproxy else ""
