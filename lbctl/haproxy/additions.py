"""The lines that lbctl adds to a haproxy.cfg, each with a comment that says so.

And none where the file has its own.

All of them take effect by a reload. Measured with 2.6.12: `option idle-close-on-response` prints a
warning for every proxy that is not in HTTP mode, also when it comes from its defaults; a state file
that is missing or empty prints one too (one that holds the line `1` does not).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lbctl.document import Document, Statement
from lbctl.document.edit import append, append_to_each, insert
from lbctl.haproxy.tables import PROXIES
from lbctl.haproxy.views import Proxy, proxies, server_state_file, stats_socket, stats_sockets

STATS_SOCKET = "stats-socket"
SERVER_STATE = "server-state"
IDLE_CLOSE = "idle-close"
NAMES = (STATS_SOCKET, SERVER_STATE, IDLE_CLOSE)

SOCKET_PATH = "/run/haproxy/admin.sock"
OTHER_SOCKET_PATH = "/run/haproxy/lbctl.sock"
STATE_PATH = "/var/lib/lbctl/server-state"
_LOAD = "load-server-state-from-file"
_IDLE = "idle-close-on-response"


def add(document: Document, names: Collection[str]) -> Document:
    """The document with the additions of these names; again on the result changes nothing.

    Unknown names are not ours.
    """
    if not document.valid:
        return document
    for name, step in _STEPS:
        if name in names:
            document = step(document)
    return document


def marked(text: str, name: str) -> str:
    """The line with the comment that says whose it is."""
    return f"{text} # lbctl: {name}"


def _stats_socket(document: Document) -> Document:
    """A socket of level admin, beside whatever others there are."""
    if stats_socket(document):
        return document
    taken = {words[0].removeprefix("unix@") for words in stats_sockets(document)}
    path = OTHER_SOCKET_PATH if SOCKET_PATH in taken else SOCKET_PATH
    return _global(document, f"stats socket {path} mode 660 level admin", STATS_SOCKET)


def _server_state(document: Document) -> Document:
    """Where the state is read from, and that every backend reads it."""
    if server_state_file(document) is None:
        document = _global(document, f"server-state-file {STATE_PATH}", SERVER_STATE)
    document = _with_defaults(document, SERVER_STATE)
    places = [one for one in _bases(document, "backend", "listen") if not one.find(_LOAD)]
    return append_to_each(document, places, marked(f"{_LOAD} global", SERVER_STATE))


def _idle_close(document: Document) -> Document:
    """In the defaults whose frontends are all in HTTP mode; where some are not, in each of the others."""
    document = _with_defaults(document, IDLE_CLOSE)
    return append_to_each(document, _idle_places(document), marked(f"option {_IDLE}", IDLE_CLOSE))


def _idle_places(document: Document) -> list[Statement]:
    accepting = [one for one in proxies(document) if one.kind != "backend"]
    plain = {one.defaults for one in accepting if one.mode != "http"}
    sections = {one.line: one for one in document.statements if one.block}
    places: dict[int, Statement] = {}
    for one in accepting:
        base = sections.get(one.defaults)
        own = sections[one.line]
        if one.mode != "http" or _decided(own) or (base and _decided(base)):
            continue
        place = base if base and one.defaults not in plain else own
        places[place.line] = place
    return list(places.values())


def without_idle_close(document: Document) -> tuple[str, ...]:
    """The frontends in HTTP mode that at a soft stop close idle connections under their clients."""
    sections = {one.line: one for one in document.statements if one.block}
    return tuple(
        one.name
        for one in proxies(document)
        if one.kind != "backend" and one.mode == "http" and not _closes(sections, one)
    )


def _closes(sections: Mapping[int, Statement], one: Proxy) -> bool:
    """Its own word counts before that of its defaults."""
    for section in (sections[one.line], sections.get(one.defaults)):
        if section is not None and _decided(section):
            return bool(section.find("option", _IDLE))
    return False


def _decided(section: Statement) -> bool:
    """The file says itself whether it wants it."""
    return bool(section.find("option", _IDLE) or section.find("no", "option", _IDLE))


def _bases(document: Document, *kinds: str) -> list[Statement]:
    """Every defaults section, and the proxies of these kinds that take their settings from none."""
    free = {one.line for one in proxies(document) if one.kind in kinds and not one.defaults}
    return [
        one for one in document.statements if one.keyword == "defaults" or (one.block and one.line in free)
    ]


def _global(document: Document, text: str, name: str) -> Document:
    sections = document.find("global")
    if sections:
        return append(document, sections[-1], marked(text, name))
    return insert(document, 0, marked("global", name), marked(f"    {text}", name))


def _with_defaults(document: Document, name: str) -> Document:
    """A document with proxies and no defaults section at all gets an empty one before them."""
    first = next((one for one in document.statements if one.block and one.keyword in PROXIES), None)
    if document.find("defaults") or first is None:
        return document
    return insert(document, first.line - 1, marked("defaults", name))


_STEPS: tuple[tuple[str, Callable[[Document], Document]], ...] = (
    (STATS_SOCKET, _stats_socket),
    (SERVER_STATE, _server_state),
    (IDLE_CLOSE, _idle_close),
)
