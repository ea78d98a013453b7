"""Typed views over the words of a keepalived document; nothing else reads them.

One-line definitions (`$NAME=value`) are put in where a value is exactly `$NAME` or `${NAME}`; lines for
some nodes only (`@id`) count where `config_id` is theirs; everything else that the daemon expands stays
as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lbctl.document import Document, Statement
from lbctl.keepalived.reader import Reader, number, whole
from lbctl.keepalived.tables import PEER_DEFAULTS, PEER_WORDS, STATES
from lbctl.model.ip import canonical, is_interface

DEFAULT_PRIORITY = 100
# an instance that starts as MASTER and has no priority is the address owner (measured with 2.2.7)
DEFAULT_PRIORITIES = {"MASTER": 255}
DEFAULT_ADVERT_INT = 1.0


@dataclass(frozen=True)
class Vip:
    """One virtual address. `address` is in its canonical spelling, as the kernel prints it.

    `prefix` is 32 or 128 where none is written.
    """

    address: str
    prefix: int
    dev: str = ""
    excluded: bool = False
    line: int = 0

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix}"


@dataclass(frozen=True)
class Track:
    """A script or file that an instance follows. `weight` None = the weight of its definition."""

    name: str
    weight: int | None = None
    reverse: bool = False


@dataclass(frozen=True)
class Instance:
    """One vrrp_instance. `virtual_router_id` 0 = none or not a number; `advert_int` in seconds.

    `vmac` = its VIPs are on an interface of its own, with a MAC address of its own. `links` are the
    interfaces and BFD neighbours that it follows; `preempt_delay` in seconds.
    """

    name: str
    state: str
    interface: str
    virtual_router_id: int
    priority: int
    advert_int: float
    nopreempt: bool
    vips: tuple[Vip, ...]
    peers: tuple[str, ...]
    unicast_source: str
    scripts: tuple[Track, ...]
    files: tuple[Track, ...]
    authenticated: bool
    sync_group: str
    line: int
    last: int
    vmac: bool = False
    links: tuple[Track, ...] = ()
    processes: tuple[Track, ...] = ()
    preempt_delay: float = 0.0


@dataclass(frozen=True)
class SyncGroup:
    """One vrrp_sync_group: what it follows holds for every member.

    `weights` = the members' own weights count too (sync_group_tracking_weight).
    """

    name: str
    members: tuple[str, ...]
    scripts: tuple[Track, ...] = ()
    files: tuple[Track, ...] = ()
    links: tuple[Track, ...] = ()
    processes: tuple[Track, ...] = ()
    weights: bool = False


@dataclass(frozen=True)
class Script:
    """One vrrp_script. A weight of 0 puts the instance into FAULT when it fails; `interval` in seconds."""

    name: str
    command: str = field(repr=False)
    interval: float = 1.0
    weight: int = 0
    rise: int = 1
    fall: int = 1
    line: int = 0
    reverse: bool = False


@dataclass(frozen=True)
class TrackFile:
    """One tracked file: its number times `weight` is added to the priority; a missing file counts 0."""

    name: str
    path: str
    weight: int = 1
    line: int = 0


@dataclass(frozen=True)
class TrackProcess:
    """One track_process (vrrp_track_process). A weight of 0 means FAULT when the process is gone.

    `command` is the process with the arguments that it is told by; `delay` in seconds, until its end counts.
    """

    name: str
    command: str
    weight: int = 0
    delay: float = 0.0
    line: int = 0
    reverse: bool = False


@dataclass(frozen=True)
class PeerView:
    """What the peers of one instance must agree with: sorted lines of words, secrets in full.

    For comparing, never for showing.
    """

    instance: str
    values: tuple[tuple[str, ...], ...] = field(repr=False)


def instances(document: Document, config_id: str = "") -> tuple[Instance, ...]:
    """Every vrrp_instance block, in order."""
    reader = Reader.of(document, config_id)
    groups = {member: one.name for one in sync_groups(document, config_id) for member in one.members}
    known = _known(document, config_id)
    return tuple(
        _instance(block, reader, groups, known)
        for block in reader.blocks(document.statements, "vrrp_instance")
    )


def scripts(document: Document, config_id: str = "") -> tuple[Script, ...]:
    """Every vrrp_script block with a command, in order: one without is removed by the daemon."""
    reader = Reader.of(document, config_id)
    return tuple(
        Script(
            reader.text(block.name),
            " ".join(reader.words(block, "script")),
            # whole seconds, and at least one (measured with 2.2.7: 0.5 is 1, 2.5 is 2)
            float(max(1, int(number(reader.last(block, "interval"), 1.0)))),
            int(number(reader.last(block, "weight"), 0)),
            int(number(reader.last(block, "rise"), 1)),
            int(number(reader.last(block, "fall"), 1)),
            block.line,
            "reverse" in reader.words(block, "weight"),
        )
        for block in reader.blocks(document.statements, "vrrp_script")
        if reader.words(block, "script")
    )


def track_files(document: Document, config_id: str = "") -> tuple[TrackFile, ...]:
    """Every track_file (vrrp_track_file) block outside instances, in order."""
    reader = Reader.of(document, config_id)
    return tuple(
        TrackFile(
            reader.text(block.name),
            reader.last(block, "file"),
            int(number(reader.last(block, "weight"), 1)),
            block.line,
        )
        for block in reader.blocks(document.statements, "track_file", "vrrp_track_file")
    )


def track_processes(document: Document, config_id: str = "") -> tuple[TrackProcess, ...]:
    """Every track_process (vrrp_track_process) block outside instances, in order."""
    reader = Reader.of(document, config_id)
    return tuple(
        TrackProcess(
            reader.text(block.name),
            " ".join(reader.words(block, "process")),
            int(number(reader.last(block, "weight"), 0)),
            number(reader.last(block, "terminate_delay") or reader.last(block, "delay"), 0.0),
            block.line,
            "reverse" in reader.words(block, "weight"),
        )
        for block in reader.blocks(document.statements, "track_process", "vrrp_track_process")
    )


def sync_groups(document: Document, config_id: str = "") -> tuple[SyncGroup, ...]:
    """Every vrrp_sync_group block, in order."""
    reader = Reader.of(document, config_id)
    weighing = ("sync_group_tracking_weight", "global_tracking")
    known = _known(document, config_id)
    return tuple(
        SyncGroup(
            reader.text(block.name),
            tuple(name for words in reader.items(block, "group") for name in words),
            *_tracks(block, reader, known),
            any(line.keyword in weighing for line in reader.lines(block)),
        )
        for block in reader.blocks(document.statements, "vrrp_sync_group")
    )


def peer_view(document: Document, config_id: str = "") -> tuple[PeerView, ...]:
    """What peers compare, by instance, sorted by name.

    A change that moves any of it must reach every node at one instant.
    """
    reader = Reader.of(document, config_id)
    common = tuple(
        tuple(reader.text(word) for word in line.words)
        for block in reader.blocks(document.statements, "global_defs")
        for line in reader.lines(block)
        if line.keyword in PEER_DEFAULTS
    )
    found = []
    for block in reader.blocks(document.statements, "vrrp_instance"):
        own = [
            value
            for line in reader.lines(block)
            if line.keyword in PEER_WORDS
            for value in _peer_values(line, reader)
        ]
        found.append(PeerView(reader.text(block.name), tuple(sorted((*common, *own)))))
    return tuple(sorted(found, key=lambda view: view.instance))


_PREFIX = re.compile(r"[0-9]{1,3}")


def _instance(block: Statement, reader: Reader, groups: Mapping[str, str], known: _Known) -> Instance:
    name = reader.text(block.name)
    keywords = {line.keyword for line in reader.lines(block)}
    written = reader.last(block, "state")
    state = written if written in STATES else "BACKUP"
    priority = reader.last(block, "priority") or str(DEFAULT_PRIORITIES.get(state, DEFAULT_PRIORITY))
    source = reader.last(block, "unicast_src_ip")
    checks, files, links, processes = _tracks(block, reader, known)
    return Instance(
        name,
        state,
        reader.last(block, "interface"),
        whole(reader.last(block, "virtual_router_id"), 1, 255, 0),
        whole(priority, 1, 255, DEFAULT_PRIORITY),
        number(reader.last(block, "advert_int"), DEFAULT_ADVERT_INT),
        "nopreempt" in keywords,
        tuple(_vips(block, reader)),
        tuple(words[0] for words in reader.items(block, "unicast_peer") if words and _readable(words[0])),
        source if _readable(source) else "",
        checks,
        files,
        "authentication" in keywords,
        groups.get(name, ""),
        block.line,
        block.last,
        not keywords.isdisjoint(("use_vmac", "use_ipvlan")),
        links,
        processes,
        number(reader.last(block, "preempt_delay"), 0.0),
    )


def _vips(block: Statement, reader: Reader) -> Iterator[Vip]:
    for listing in reader.blocks(block.children, "virtual_ipaddress", "virtual_ipaddress_excluded"):
        for line in reader.lines(listing):
            words = tuple(reader.text(word) for word in line.words)
            if not _readable(words[0]):
                continue
            dev = words[words.index("dev") + 1 :][:1] if "dev" in words else ()
            address, _, prefix = words[0].partition("/")
            length = int(prefix) if _PREFIX.fullmatch(prefix) else 128 if ":" in address else 32
            yield Vip(
                canonical(address), length, "".join(dev), listing.keyword.endswith("excluded"), line.line
            )


def _readable(word: str) -> bool:
    """The daemon skips what is no address. What it makes of other text is not known here."""
    return is_interface(word) or word.startswith("~") or "$" in word


def _track(words: tuple[str, ...]) -> Track:
    weight = words[words.index("weight") + 1 :][:1] if "weight" in words else ()
    return Track(words[0], int(number("".join(weight), 0)) if weight else None, "reverse" in words)


_Tracks = tuple[Track, ...]
_Known = frozenset[str] | None


def _known(document: Document, config_id: str) -> _Known:
    """The scripts that there are: the daemon goes on without any other. None: another file may have more."""
    if any(one.keyword.startswith("include") for _, one in document.walk()):
        return None
    return frozenset(one.name for one in scripts(document, config_id))


def _tracks(block: Statement, reader: Reader, known: _Known) -> tuple[_Tracks, _Tracks, _Tracks, _Tracks]:
    """The scripts, files, links and processes that it follows."""

    def listed(*keywords: str) -> _Tracks:
        return tuple(_track(words) for words in reader.items(block, *keywords) if words)

    return (
        tuple(one for one in listed("track_script") if known is None or one.name in known),
        listed("track_file", "vrrp_track_file"),
        listed("track_interface", "track_bfd"),
        listed("track_process"),
    )


def _peer_values(line: Statement, reader: Reader) -> Iterator[tuple[str, ...]]:
    """One setting as the peers see it: lists without their order, addresses without their spelling."""
    if not line.children:
        yield tuple(reader.text(word) for word in line.words)
    for child in reader.lines(line):
        words = tuple(reader.text(word) for word in child.words)
        yield (
            (line.keyword, canonical(words[0]))
            if line.keyword != "authentication"
            else (line.keyword, *words)
        )
