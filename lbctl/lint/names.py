"""Names of a haproxy.cfg that nothing has, and things that nothing names."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.document import Statement
from lbctl.errors import Problem
from lbctl.lint.sections import File, FileCheck, Section, listed

_CHOICES = ("default_backend", "use_backend")
# a proxy with one of these answers, or may, without a server of its own
_ANSWERS = frozenset(
    {
        "dispatch",
        "errorfile",
        "filter",
        "http-error",
        "http-request",
        "monitor-uri",
        "redirect",
        "server",
        "server-template",
        "stats",
        "stick-table",
        "tcp-request",
        "transparent",
        "use-fcgi-app",
        *_CHOICES,
    }
)

# HAProxy makes these itself where the file has none (2.6, from /etc/resolv.conf)
_MADE = {("resolvers", "default")}


def unknown(file: File) -> Iterator[Problem]:
    """Backends, resolvers, defaults and peers that are not there: HAProxy refuses the file."""
    if file.conditional or file.partial:
        return
    read = (file.document, *file.pieces, *file.beside)
    known = {key for one in read for key in _defined(one.statements)} | _MADE
    for kind, name, line in _named(file):
        if (kind, name) not in known and not _computed(name):
            yield file.problem("unknown-name", f"there is no {kind} {name}", line)


def modes(file: File) -> Iterator[Problem]:
    """Frontends in HTTP mode whose requests go to a backend in TCP mode: HAProxy refuses the file."""
    backends = {one.name: one for one in file.sections if one.forwards}
    for section in file.sections:
        for line in _choices(section) if section.used and section.proxy.mode == "http" else ():
            target = backends.get(line.name)
            if target and target.used and target.proxy.mode == "tcp":
                said = (
                    f"{section.name} is in mode http, and {target.name}, where it sends requests, in mode tcp"
                )
                yield file.problem("modes", said, line.line)


def nowhere(file: File) -> Iterator[Problem]:
    """Proxies that have nobody to send a request to; where nothing binds no request comes."""
    bound = {one.proxy for one in file.binds}
    for section in file.sections:
        reached = section.name in bound or not section.accepts
        if section.used and reached and _ANSWERS.isdisjoint(_keywords(section)):
            said = f"{section.proxy.kind} {section.name} has no server and no backend: "
            said += (
                "every request is answered 503" if section.proxy.mode == "http" else "connections are closed"
            )
            yield file.problem("no-servers", said, section.own.line)


def unused(file: File) -> Iterator[Problem]:
    """Backends that no rule of this file names."""
    rules = [line for _, line in file.document.walk() if not line.block and line.keyword != "server"]
    chosen = [line.name for line in rules if line.keyword in _CHOICES]
    elsewhere = file.pieces or file.beside or file.partial
    if elsewhere or any(_computed(name) for name in chosen) or not chosen:
        return
    words = {word for line in rules for word in line.words[1:]}
    text = " ".join(words)
    names = [
        one
        for one in file.sections
        if one.proxy.kind == "backend" and one.used and one.servers and one.name not in text
    ]
    if names:
        said = f"{listed([one.name for one in names])}: no frontend sends anything there"
        yield file.problem("unused-backend", said, names[0].own.line)


def _defined(statements: tuple[Statement, ...]) -> Iterator[tuple[str, str]]:
    for one in statements:
        kind = "backend" if one.keyword == "listen" else one.keyword
        yield kind, one.name


def _named(file: File) -> Iterator[tuple[str, str, int]]:
    """(what, its name, line) of each thing that a line names."""
    for section in file.sections:
        for line in _choices(section) if section.used else ():
            yield "backend", line.name, line.line
        if section.own.words[2:3] == ("from",):
            yield "defaults", "".join(section.own.words[3:4]), section.own.line
        for line in section.own.children:
            if line.keyword in ("server", "server-template", "default-server"):
                yield from _after(line, "resolvers")
            elif line.keyword == "stick-table":
                yield from _after(line, "peers")


def _after(line: Statement, keyword: str) -> Iterator[tuple[str, str, int]]:
    for word, name in zip(line.words[2:], line.words[3:], strict=False):
        if word == keyword:
            yield keyword, name, line.line


def _choices(section: Section) -> Iterator[Statement]:
    """The lines of a frontend or listen that send requests to a backend."""
    if section.accepts:
        yield from (one for word in _CHOICES for one in section.own.find(word) if one.name)
        if section.base and not section.own.find("default_backend"):
            yield from (one for one in section.base.find("default_backend")[-1:] if one.name)


def _keywords(section: Section) -> frozenset[str]:
    """Of its lines, and of its defaults' those that make it answer: pages for errors are in every sample."""
    own = frozenset(line.keyword for line in section.own.children)
    base = frozenset(line.keyword for line in section.base.children) if section.base else frozenset()
    options = frozenset(name for name in ("transparent",) if section.option(name))
    return own | options | (base - {"errorfile", "http-error"})


def _computed(name: str) -> bool:
    """Only HAProxy knows what it will be."""
    return any(sign in name for sign in "%$")


CHECKS: tuple[FileCheck, ...] = (unknown, modes, nowhere, unused)
