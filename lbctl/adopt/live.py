"""What import reads on a node, and how the answers are read. Nothing here changes anything there."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_interface
from itertools import pairwise

from lbctl import haproxy, keepalived
from lbctl.adopt import hands
from lbctl.adopt.references import Named, includes, named
from lbctl.document import Document
from lbctl.host import facts
from lbctl.host.command_line import command_line
from lbctl.host.file import FileKind
from lbctl.host.package import PackageKind
from lbctl.host.service import ServiceKind
from lbctl.host.sysctl import SysctlKind
from lbctl.model.cluster import HAPROXY_CFG, KEEPALIVED_CONF, MAIN_FILES, Interface
from lbctl.model.command import Answers, Probe
from lbctl.model.resource import Address, Resource, Unknown, resource

DAEMONS = ("haproxy", "keepalived")
PACKAGES = (*DAEMONS, "psmisc", "socat", "nftables")
"""Without versions: what the daemons and lbctl's own features need."""
SYSCTLS = ("net.ipv4.ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind")

# keepalived's options without an argument may stand before its -f, and the file behind it (getopt)
_FILE_OPTIONS = {
    "haproxy": re.compile(r"-f()"),
    "keepalived": re.compile(r"(?:-[CDGIPRVXdlmnx]*f|--use-file(?:=|$))(.*)"),
}
_NODE = ""  # of the addresses of what is read: a node has no name before it was read
_FILE = FileKind()


@dataclass(frozen=True)
class File:
    """A regular file of a node."""

    path: str
    data: bytes = field(repr=False)
    mode: str
    owner: str
    group: str


@dataclass(frozen=True)
class Live:
    """One node as it was read.

    `reads` are the configuration files and folders that each daemon was started with, `pieces` the files that
    it reads beside its main one, `named` what these name and `kinds` what that is there (file, link, folder,
    other; what is not there is not in it). `unreadable` says why a main file was not read. `cluster` is
    that of lbctl's own record there, "" = none.
    """

    host: str
    hostname: str
    os: str
    addresses: tuple[tuple[str, Interface], ...]
    reads: Mapping[str, tuple[str, ...]]
    files: Mapping[str, File]
    unreadable: Mapping[str, str]
    packages: frozenset[str]
    conffiles: Mapping[str, str]
    sysctls: Mapping[str, tuple[str | None, str | None]]
    services: Mapping[str, tuple[bool, bool]]
    dropins: tuple[str, ...]
    answers: Answers = field(repr=False)
    pieces: tuple[Named, ...] = ()
    named: tuple[Named, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""

    def document(self, daemon: str) -> Document | None:
        """A daemon's main file as a document."""
        file = self.files.get(MAIN_FILES[daemon])
        return parsed(daemon, file) if file else None

    @property
    def hands(self) -> tuple[hands.Hand, ...]:
        return hands.hands(self.answers, {path: file.data for path, file in self.files.items()})

    def untouched(self, file: File) -> bool:
        """Is it as its package brought it?"""
        return self.conffiles.get(file.path) == hashlib.md5(file.data, usedforsecurity=False).hexdigest()


def parsed(daemon: str, file: File) -> Document:
    parse = haproxy.parse if daemon == "haproxy" else keepalived.parse
    return parse(file.data, file.path)


def _wish(kind: str, name: str, *attributes: str) -> Resource:
    return resource(Address(_NODE, kind, name), dict.fromkeys(attributes, ""))


_MAINS = [_wish("file", path, "content", "mode", "owner") for path in MAIN_FILES.values()]
_PACKAGES = [_wish("package", name, "installed") for name in PACKAGES]
_SYSCTLS = [_wish("sysctl", key, "live", "boot") for key in SYSCTLS]
_SERVICES = [_wish("service", unit, "enabled", "active") for unit in DAEMONS]


def first_probes() -> list[Probe]:
    """What is asked of every node first."""
    return [
        Probe("os", '(. /etc/os-release && echo "$PRETTY_NAME")'),
        Probe("hostname", "uname -n"),
        Probe("addresses", "ip -o addr show"),
        Probe("conffiles", "dpkg-query -W -f '${Conffiles}\\n' haproxy keepalived 2>/dev/null; :"),
        Probe("dropins", "systemctl show -p DropInPaths --value haproxy.service keepalived.service"),
        Probe("owner", "cat /var/lib/lbctl/owner.json 2>/dev/null; :"),
        hands.probe(),
        *(Probe(f"arguments.{unit}", command_line(unit)) for unit in DAEMONS),
        *_FILE.probes(_MAINS),
        *PackageKind().probes(_PACKAGES),
        *SysctlKind().probes(_SYSCTLS),
        *ServiceKind().probes(_SERVICES),
    ]


def first(host: str, answers: Answers) -> Live:
    """The node, without what its main files name."""
    files, unreadable = _files(_MAINS, answers)
    packages = PackageKind().live(_PACKAGES, answers, "")
    sysctls = [one for one in SysctlKind().live(_SYSCTLS, answers, "") if isinstance(one, Resource)]
    services = [one for one in ServiceKind().live(_SERVICES, answers, "") if isinstance(one, Resource)]
    lines = facts.lines
    return Live(
        host,
        "".join(lines(answers, "hostname")[:1]).partition(".")[0],
        "".join(lines(answers, "os")[:1]),
        _addresses(answers),
        {unit: _reads(unit, lines(answers, f"arguments.{unit}")) for unit in DAEMONS},
        files,
        unreadable,
        frozenset(
            one.address.name for one in packages if isinstance(one, Resource) and one.value("installed")
        ),
        dict(_pair(line) for line in lines(answers, "conffiles") if len(line.split()) > 1),
        {one.address.name: (_text(one, "live"), _text(one, "boot")) for one in sysctls},
        {one.address.name: (one.value("enabled") is True, one.value("active") is True) for one in services},
        tuple(p for line in lines(answers, "dropins") for p in line.split() if p.startswith("/")),
        answers,
        cluster=_cluster("\n".join(lines(answers, "owner"))),
    )


def _cluster(record: str) -> str:
    """The cluster that the node's record says it is in."""
    try:
        found = json.loads(record)
        return "" if found.get("retired") else str(found["cluster"])
    except (ValueError, KeyError, AttributeError):
        return ""


def piece_probes(live: Live) -> list[Probe]:
    """Which files its daemons read beside their main ones: folders and files after `-f`, includes."""
    patterns: dict[str, list[str]] = {"haproxy": [], "keepalived": []}
    for path in live.reads["haproxy"]:
        if path != HAPROXY_CFG:
            # of a folder HAProxy reads what ends in .cfg, in the order of the names
            patterns["haproxy"] += [path, f"{path.rstrip('/')}/*.cfg"]
    document = live.document("keepalived")
    patterns["keepalived"] += includes(document) if document else ()
    return [
        Probe(f"pieces.{unit}", f'for f in {words}; do [ ! -f "$f" ] || echo "$f"; done')
        for unit, found in patterns.items()
        if (words := " ".join(map(_globbed, found)))
    ]


def pieces(answers: Answers) -> tuple[Named, ...]:
    return tuple(
        Named(path, unit, script=False) for unit in DAEMONS for path in facts.lines(answers, f"pieces.{unit}")
    )


def kind_probe(paths: Sequence[str]) -> Probe:
    """What each of these is, one a line."""
    words = " ".join(map(shlex.quote, paths))
    test = (
        'if [ -L "${f%/}" ]; then echo link; elif [ -f "$f" ]; then echo file; '
        'elif [ -d "$f" ]; then echo folder; elif [ -e "$f" ]; then echo other; else echo absent; fi'
    )
    return Probe("kinds", f"for f in {words}; do {test}; done")


def kinds(paths: Sequence[str], answers: Answers) -> dict[str, str]:
    """By path, of what is there."""
    found = zip(paths, facts.lines(answers, "kinds"), strict=False)
    return {path: kind for path, kind in found if kind != "absent"}


def file_probes(paths: Sequence[str]) -> list[Probe]:
    return list(_FILE.probes([_wish("file", path, "content", "mode", "owner") for path in paths]))


def files(paths: Sequence[str], answers: Answers) -> Mapping[str, File]:
    return _files([_wish("file", path, "content", "mode", "owner") for path in paths], answers)[0]


def all_named(live: Live) -> tuple[Named, ...]:
    """What the main files and the pieces name, each path once."""
    documents = [document for unit in DAEMONS if (document := live.document(unit))]
    documents += [parsed(one.daemon, live.files[one.path]) for one in live.pieces if one.path in live.files]
    known = {HAPROXY_CFG, KEEPALIVED_CONF, *(one.path for one in live.pieces)}
    found = {one.path: one for document in documents for one in named(document) if one.path not in known}
    return tuple(found.values())


def _files(wishes: Sequence[Resource], answers: Answers) -> tuple[dict[str, File], dict[str, str]]:
    found: dict[str, File] = {}
    unreadable: dict[str, str] = {}
    for one in _FILE.live(wishes, answers, ""):
        if isinstance(one, Unknown):
            unreadable[one.address.name] = one.reason
        elif one.content is not None:
            owner, _, group = str(one.value("owner")).partition(":")
            path = one.address.name
            found[path] = File(path, one.content.data, str(one.value("mode")), owner, group)
    return found, unreadable


def _addresses(answers: Answers) -> tuple[tuple[str, Interface], ...]:
    """By interface, of all but lo; `ip -o` writes one address a line."""
    rows = (line.split() for line in facts.lines(answers, "addresses"))
    return tuple(
        (row[1].partition("@")[0], ip_interface(row[3]))
        for row in rows
        if len(row) > 3 and row[1] != "lo" and row[2] in ("inet", "inet6")
    )


def _reads(unit: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """The files and folders that a daemon's command line names as its configuration."""
    found: list[str] = []
    for option, value in pairwise((*arguments, "")):
        if match := _FILE_OPTIONS[unit].fullmatch(option):
            found.append(match[1] or value)
    if "--" in arguments:
        found += arguments[list(arguments).index("--") + 1 :]
    return tuple(found or [MAIN_FILES[unit]])


def _globbed(pattern: str) -> str:
    """A pattern for the shell: everything quoted but its stars and question marks."""
    return "".join(char if char in "*?" else shlex.quote(char) for char in pattern)


def _pair(line: str) -> tuple[str, str]:
    words = line.split()
    return words[0], words[1]


def _text(one: Resource, name: str) -> str | None:
    value = one.value(name)
    return None if value is None or value == "" else str(value)
