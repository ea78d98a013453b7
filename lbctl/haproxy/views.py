"""Typed views over the words of a HAProxy document; nothing else reads them.

Lines within `.if` count as if they were true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lbctl.document import Document, Statement
from lbctl.haproxy.address import endpoint
from lbctl.haproxy.tables import PROXIES


@dataclass(frozen=True)
class Bind:
    """One address that a proxy listens on. `address` is '' or '*' for all, a path for a socket.

    `raw` is as written, of this address. `accept_proxy` = a connection has to begin with the PROXY protocol.
    `v6only` = on `::` it takes no IPv4.
    """

    proxy: str
    address: str
    first_port: int
    last_port: int
    ssl: bool
    raw: str = field(repr=False)
    line: int
    prefix: str = ""
    socket: bool = False
    udp: bool = False
    accept_proxy: bool = False
    v6only: bool = False

    @property
    def families(self) -> tuple[int, ...]:
        """The families of which it is every address: 4, 6, both, or none where it is one of them.

        `::` takes IPv4 too, as Linux has it, but for `v6only` (measured with 2.6.12, bindv6only=0).
        """
        if self.address == "::" or (self.address in ("", "*") and self.prefix.endswith("6")):
            return (6,) if self.v6only else (4, 6)
        return (4,) if self.address in ("", "*", "0.0.0.0") and not self.socket else ()

    def answers(self, address: str) -> bool:
        """Does a connection to this IP address reach it, its port aside?"""
        version = 6 if ":" in address else 4
        return not self.socket and (self.address == address or version in self.families)


@dataclass(frozen=True)
class Server:
    """One server line. `port` 0 = the port of the request.

    `disabled` counts its own and default-server's words.
    """

    proxy: str
    name: str
    address: str
    port: int
    backup: bool
    check: bool
    disabled: bool
    line: int
    words: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Proxy:
    """One frontend, backend or listen section. `mode` comes from its defaults where it has none of its own.

    `defaults` is the line of the defaults section that it takes its settings from, 0 where there is none.
    """

    kind: str
    name: str
    mode: str
    default_backend: str
    backends: tuple[str, ...]
    disabled: bool
    defaults: int
    line: int
    last: int


def binds(document: Document) -> tuple[Bind, ...]:
    """Every address of every bind line of frontends and listens, in order."""
    return tuple(bind for section in _sections(document, "frontend", "listen") for bind in _binds(section))


def servers(document: Document) -> tuple[Server, ...]:
    """Every server of every backend and listen, in order.

    Server templates and dynamic ones are not servers of the file.
    """
    found = []
    for section, defaults in _inheriting(document):
        base = _default_server(defaults) if section.keyword != "frontend" else ()
        for line in section.children if section.keyword != "frontend" else ():
            if line.words[0] == "default-server":
                base += line.words[1:]
            elif line.words[0] == "server" and len(line.words) > 2:
                found.append(_server(section.name, line, base))
    return tuple(found)


def proxies(document: Document) -> tuple[Proxy, ...]:
    """Every frontend, backend and listen section, in order."""
    return tuple(_proxy(section, defaults) for section, defaults in _inheriting(document))


def stats_sockets(document: Document) -> tuple[tuple[str, ...], ...]:
    """The words of every `stats socket` line of the global section, from the address on."""
    return tuple(line.words[2:] for line in global_lines(document, "stats", "socket") if len(line.words) > 2)


def stats_socket(document: Document) -> str | None:
    """The path of the socket that lbctl may drive HAProxy with: a UNIX one of level admin.

    The first one; None without.
    """
    for words in stats_sockets(document):
        where = endpoint(words[0])
        level = words[words.index("level") + 1 :][:1] if "level" in words else ()
        if where.prefix == "unix" and level == ("admin",):
            return where.host
    return None


def server_state_file(document: Document) -> str | None:
    """The path that `load-server-state-from-file global` reads, joined with `server-state-base`.

    None without.
    """
    found = [line.words[1] for line in global_lines(document, "server-state-file") if len(line.words) > 1]
    bases = [line.words[1] for line in global_lines(document, "server-state-base") if len(line.words) > 1]
    if not found:
        return None
    return f"{bases[-1].rstrip('/')}/{found[-1]}" if bases and not found[-1].startswith("/") else found[-1]


def global_lines(document: Document, *words: str) -> tuple[Statement, ...]:
    """The lines of all global sections that begin with these words, in order."""
    return tuple(line for section in document.find("global") for line in section.find(*words))


def _inheriting(document: Document) -> Iterator[tuple[Statement, Statement | None]]:
    """Every proxy's section with the defaults section that it takes its settings from."""
    current = None
    named: dict[str, Statement] = {}
    for section in document.statements:
        if section.keyword == "defaults":
            current = section
            named[section.name] = section
        elif section.block and section.keyword in PROXIES:
            explicit = section.words[2:3] == ("from",)
            yield section, named.get("".join(section.words[3:4])) if explicit else current


def _default_server(section: Statement | None) -> tuple[str, ...]:
    lines = section.find("default-server") if section else ()
    return tuple(word for line in lines for word in line.words[1:])


def _sections(document: Document, *kinds: str) -> Iterator[Statement]:
    return (one for one in document.statements if one.block and one.keyword in kinds)


def _binds(section: Statement) -> Iterator[Bind]:
    for line in section.children:
        if line.words[0] != "bind" or len(line.words) < 2:
            continue
        ssl = "ssl" in line.words[2:]
        accept_proxy = "accept-proxy" in line.words[2:]
        for raw in line.words[1].split(","):
            where = endpoint(raw)
            udp = where.prefix.startswith(("udp", "quic"))
            yield Bind(
                section.name,
                where.host,
                where.first_port,
                where.last_port,
                ssl,
                raw,
                line.line,
                where.prefix,
                where.socket,
                udp,
                accept_proxy,
                "v6only" in line.words[2:],
            )


def _server(proxy: str, line: Statement, base: tuple[str, ...]) -> Server:
    where = endpoint(line.words[2])
    own = line.words[3:]
    return Server(
        proxy,
        line.words[1],
        where.host,
        where.first_port,
        "backup" in own,
        _flag("check", "no-check", base, own),
        _flag("disabled", "enabled", base, own),
        line.line,
        line.words,
    )


def _flag(on: str, off: str, base: tuple[str, ...], own: tuple[str, ...]) -> bool:
    """A keyword that a later one takes back: the last of the two wins."""
    last = [word for word in (*base, *own) if word in (on, off)]
    return bool(last) and last[-1] == on


def _proxy(section: Statement, base: Statement | None) -> Proxy:
    def last(*words: str) -> str:
        for one in (section, base):
            values = one.find(*words) if one else ()
            if values:
                return values[-1].name
        return ""

    chosen = tuple(line.name for line in section.find("use_backend"))
    return Proxy(
        section.keyword,
        section.name,
        last("mode") or "tcp",
        last("default_backend"),
        chosen,
        bool(section.find("disabled")),
        base.line if base else 0,
        section.line,
        section.last,
    )
