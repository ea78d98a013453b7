"""What is wrong with the timeouts of a haproxy.cfg."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lbctl.errors import Problem
from lbctl.haproxy.times import seconds
from lbctl.haproxy.views import global_lines
from lbctl.lint.sections import File, FileCheck, Section, listed

TRANSFER = 50.0  # seconds of silence that a transfer of an image or a volume may well have
CONSOLE = 600.0  # seconds in which nobody may type anything into a console
_TRANSFERS = frozenset({"glance", "swift", "cinder", "rgw", "radosgw", "s3"})
_NO_TRANSFERS = frozenset({"registry"})
_CONSOLES = frozenset({"novnc", "novncproxy", "vnc", "vncproxy", "spice", "spicehtml5", "spicehtml5proxy"})
_LONG = ("client", "server", "tunnel")


def missing(file: File) -> Iterator[Problem]:
    """Proxies for which HAProxy itself says "missing timeouts"."""
    found: dict[str, list[Section]] = {}
    for section in file.sections:
        lacking = " and ".join(_lacking(section)) if section.used else ""
        if lacking:
            found.setdefault(lacking, []).append(section)
    for lacking, sections in found.items():
        said = f"{listed([one.name for one in sections])}: no timeout {lacking}: what hangs stays for ever"
        yield file.problem("no-timeout", said, sections[0].own.line)


def short(file: File) -> Iterator[Problem]:
    """Services that are silent for longer than their timeouts allow."""
    found: dict[tuple[str, str], list[Section]] = {}
    for section in file.sections:
        for key in _too_short(section) if section.used else ():
            found.setdefault(key, []).append(section)
    for (which, what), sections in found.items():
        said = f"{listed([one.name for one in sections])}: timeout {which} ends {what}"
        yield file.problem("short-timeout", said, _line(sections[0], which))


def hard_stop(file: File) -> Iterator[Problem]:
    """Requests that a reload may cut, although their timeouts let them go on."""
    for line in global_lines(file.document, "hard-stop-after")[-1:]:
        most = seconds(line.name)
        times = {(which, one.time("timeout", which) or 0.0) for one in file.sections for which in _LONG}
        which, longest = max(times, key=lambda one: one[1], default=("", 0.0))
        if most is not None and most < longest:
            said = f"hard-stop-after {line.name} ends what is open {most:g} s after a reload, "
            said += f"timeout {which} allows {longest:g} s"
            yield file.problem("hard-stop", said, line.line)


def _lacking(section: Section) -> Iterator[str]:
    """As HAProxy tells: client of what accepts, connect and server of what has servers."""
    if section.proxy.mode not in ("http", "tcp"):
        return
    if section.accepts and section.time("timeout", "client") is None:
        yield "client"
    if section.forwards and (section.servers or section.has("server-template")):
        if section.time("timeout", "connect") is None:
            yield "connect"
        tunnel = section.proxy.mode == "tcp" and section.time("timeout", "tunnel") is not None
        if section.time("timeout", "server") is None and not tunnel:
            yield "server"


def _too_short(section: Section) -> Iterator[tuple[str, str]]:
    names = frozenset(re.split(r"[^a-z0-9]+", section.name.lower()))
    if names & _CONSOLES and section.time("timeout", "tunnel") is None:
        yield from _below(section, CONSOLE, "a console that shows nothing for {:g} s")
    elif names & _TRANSFERS and not names & _NO_TRANSFERS:
        yield from _below(section, TRANSFER, "a transfer after {:g} s of silence")


def _below(section: Section, least: float, what: str) -> Iterator[tuple[str, str]]:
    for which, side in (("client", section.accepts), ("server", section.forwards)):
        time = section.time("timeout", which)
        if side and time is not None and time < least:
            yield which, what.format(time)


def _line(section: Section, which: str) -> int:
    """The section's own, or its header: the defaults' are right for most others."""
    own = section.own.find("timeout", which)
    return own[-1].line if own else section.own.line


CHECKS: tuple[FileCheck, ...] = (missing, short, hard_stop)
