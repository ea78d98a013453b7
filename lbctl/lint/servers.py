"""What is wrong with the servers of a haproxy.cfg, and with how they are checked."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lbctl.errors import Problem
from lbctl.haproxy.tables import CHECK_LINES, CHECK_OPTIONS
from lbctl.haproxy.times import seconds
from lbctl.haproxy.views import Server
from lbctl.lint.sections import File, FileCheck, Section, listed

NOTICED = 20.0  # seconds in which a dead server should be noticed
_INTER, _FALL = 2.0, 3  # HAProxy's own


def unchecked(file: File) -> Iterator[Problem]:
    """Servers that count as up for ever."""
    for section in (one for one in file.sections if one.used):
        dark = [one for one in section.servers if not _checked(section, one)]
        names = (
            "no server is" if len(dark) == len(section.servers) else f"{listed([s.name for s in dark])} not"
        )
        if dark:
            said = f"{section.name}: {names} checked, requests go to dead ones too"
            yield file.problem("no-check", said, dark[0].line)


def slow(file: File) -> Iterator[Problem]:
    """Checks that see a dead server late; those alike are said together."""
    found: dict[tuple[str, str], tuple[int, float, dict[str, None]]] = {}
    for section in _choosing(file):
        for server in (one for one in section.servers if one.check):
            words = section.server_words(server)
            late = _noticed(words)
            if late is not None and late >= NOTICED and "observe" not in words:
                key = (_value(words, "inter") or f"{_INTER:g}s", _value(words, "fall") or str(_FALL))
                found.setdefault(key, (server.line, late, {}))[2][section.name] = None
    for (inter, fall), (line, late, names) in found.items():
        said = f"a dead server is noticed after up to {late:g} s (inter {inter}, fall {fall})"
        yield file.problem("slow-check", f"{listed([*names])}: {said}", line)


def tcp_only(file: File) -> Iterator[Problem]:
    """Backends in HTTP mode whose check only connects."""
    found = [one for one in _choosing(file) if one.proxy.mode == "http" and _only_connects(one)]
    if found:
        said = f"{listed([one.name for one in found])}: the check only connects, and a service that "
        said += "answers errors alone passes it"
        yield file.problem("tcp-check", said, next(s.line for s in found[0].servers if s.check))


def unresolved(file: File) -> Iterator[Problem]:
    """Servers by name, which HAProxy looks up when it starts and at each reload."""
    found: dict[str, int] = {}
    for section in file.sections:
        for server in section.servers if section.used else ():
            if _is_name(server) and _fatal(_value(section.server_words(server), "init-addr")):
                found.setdefault(server.address, server.line)
    if found:
        said = f"{listed([*found])}: as long as nobody answers for a name HAProxy neither starts nor reloads"
        yield file.problem("name-at-start", said, next(iter(found.values())))


def _choosing(file: File) -> Iterator[Section]:
    """The sections that choose between servers."""
    return (one for one in file.sections if one.used and len(one.servers) > 1)


def _checked(section: Section, server: Server) -> bool:
    """Or is there nothing to check: 0.0.0.0 is wherever the request goes."""
    nothing = server.disabled or server.address in ("", "*", "0.0.0.0", "::")
    return nothing or server.check or "track" in section.server_words(server)


def _noticed(words: tuple[str, ...]) -> float | None:
    """The seconds until a server that dies counts as down; None where they are not known."""
    fall = _value(words, "fall") or str(_FALL)
    inter = seconds(_value(words, "inter") or f"{_INTER:g}s")
    after = seconds(_value(words, "fastinter") or _value(words, "inter") or f"{_INTER:g}s")
    if inter is None or after is None or not fall.isdecimal():
        return None
    return inter + (int(fall) - 1) * after


def _only_connects(section: Section) -> bool:
    told = any(section.has(*words) for words in CHECK_LINES | CHECK_OPTIONS if words != ("source",))
    return not told and any(one.check for one in section.servers)


def _value(words: tuple[str, ...], keyword: str) -> str:
    """What follows the last such word, "" without one."""
    places = [number for number, word in enumerate(words[:-1]) if word == keyword]
    return words[places[-1] + 1] if places else ""


def _is_name(server: Server) -> bool:
    host = server.address
    if not host or host in ("*", "localhost") or "$" in host or "/" in host or "@" in server.words[2]:
        return False
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return False


def _fatal(methods: str) -> bool:
    """Is it the end if nobody answers for the name? Not where `none` or an address comes next."""
    known = methods.split(",") if methods else ["last", "libc"]
    return all(one in ("last", "libc") for one in known)


CHECKS: tuple[FileCheck, ...] = (unchecked, slow, tcp_only, unresolved)
