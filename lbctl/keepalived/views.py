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
from lbctl.keepalived.tables import PEER_DEFAULTS, PEER_WORDS
from lbctl.model.ip import canonical

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
    reader = _Reader(definitions(document), config_id)
    groups = {member: one.name for one in sync_groups(document, config_id) for member in one.members}
    return tuple(
        _instance(block, reader, groups) for block in reader.blocks(document.statements, "vrrp_instance")
    )


def scripts(document: Document, config_id: str = "") -> tuple[Script, ...]:
    """Every vrrp_script block, in order."""
    reader = _Reader(definitions(document), config_id)
    return tuple(
        Script(
            reader.text(block.name),
            " ".join(reader.words(block, "script")),
            # whole seconds: a fraction is no number to 2.2.7, and leaves it at 1
            float(interval) if (interval := reader.last(block, "interval")).isdecimal() else 1.0,
            int(_number(reader.last(block, "weight"), 0)),
            int(_number(reader.last(block, "rise"), 1)),
            int(_number(reader.last(block, "fall"), 1)),
            block.line,
            "reverse" in reader.words(block, "weight"),
        )
        for block in reader.blocks(document.statements, "vrrp_script")
    )


def track_files(document: Document, config_id: str = "") -> tuple[TrackFile, ...]:
    """Every track_file (vrrp_track_file) block outside instances, in order."""
    reader = _Reader(definitions(document), config_id)
    return tuple(
        TrackFile(
            reader.text(block.name),
            reader.last(block, "file"),
            int(_number(reader.last(block, "weight"), 1)),
            block.line,
        )
        for block in reader.blocks(document.statements, "track_file", "vrrp_track_file")
    )


def track_processes(document: Document, config_id: str = "") -> tuple[TrackProcess, ...]:
    """Every track_process (vrrp_track_process) block outside instances, in order."""
    reader = _Reader(definitions(document), config_id)
    return tuple(
        TrackProcess(
            reader.text(block.name),
            " ".join(reader.words(block, "process")),
            int(_number(reader.last(block, "weight"), 0)),
            _number(reader.last(block, "terminate_delay") or reader.last(block, "delay"), 0.0),
            block.line,
            "reverse" in reader.words(block, "weight"),
        )
        for block in reader.blocks(document.statements, "track_process", "vrrp_track_process")
    )


def sync_groups(document: Document, config_id: str = "") -> tuple[SyncGroup, ...]:
    """Every vrrp_sync_group block, in order."""
    reader = _Reader(definitions(document), config_id)
    weighing = ("sync_group_tracking_weight", "global_tracking")
    return tuple(
        SyncGroup(
            reader.text(block.name),
            tuple(name for words in reader.items(block, "group") for name in words),
            *_tracks(block, reader),
            any(line.keyword in weighing for line in reader.lines(block)),
        )
        for block in reader.blocks(document.statements, "vrrp_sync_group")
    )


def peer_view(document: Document, config_id: str = "") -> tuple[PeerView, ...]:
    """What peers compare, by instance, sorted by name.

    A change that moves any of it must reach every node at one instant.
    """
    reader = _Reader(definitions(document), config_id)
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


def definitions(document: Document) -> Mapping[str, str]:
    """The one-line definitions of one word, by name; the last one wins."""
    found = {}
    for statement in document.statements:
        name, equals, value = statement.keyword.partition("=")
        if name.startswith("$") and equals and len(statement.words) <= 2 and statement.line == statement.last:
            found[name[1:]] = value or statement.name
    return found


_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]*)?")
_PREFIX = re.compile(r"[0-9]{1,3}")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass(frozen=True)
class _Reader:
    """Reads words as the daemon would on one node."""

    values: Mapping[str, str]
    config_id: str

    def text(self, word: str) -> str:
        return _REFERENCE.sub(lambda match: self.values.get(match[1] or match[2], match[0]), word)

    def lines(self, block: Statement) -> Iterator[Statement]:
        """The block's statements that count on this node, conditions taken off."""
        return self._counted(block.children)

    def blocks(self, statements: tuple[Statement, ...], *keywords: str) -> Iterator[Statement]:
        return (one for one in self._counted(statements) if one.block and one.keyword in keywords)

    def _counted(self, statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for one in statements:
            if not one.keyword.startswith("@"):
                yield one
                continue
            name = one.keyword[1:].removeprefix("^")
            if one.name and (name == self.config_id) != one.keyword.startswith("@^"):
                yield Statement(one.words[1:], one.line, one.last, one.children, one.block)

    def words(self, block: Statement, keyword: str) -> tuple[str, ...]:
        """What follows the last such keyword in the block."""
        found: tuple[str, ...] = ()
        for line in self.lines(block):
            if line.keyword == keyword:
                found = tuple(self.text(word) for word in line.words[1:])
        return found

    def last(self, block: Statement, keyword: str) -> str:
        """The word after the last such keyword, '' without one."""
        return "".join(self.words(block, keyword)[:1])

    def items(self, block: Statement, *keywords: str) -> Iterator[tuple[str, ...]]:
        """The lines of these list blocks, as words."""
        for listing in self.blocks(block.children, *keywords):
            for line in self.lines(listing):
                yield tuple(self.text(word) for word in line.words)


def _instance(block: Statement, reader: _Reader, groups: Mapping[str, str]) -> Instance:
    name = reader.text(block.name)
    keywords = {line.keyword for line in reader.lines(block)}
    state = reader.last(block, "state") or "BACKUP"
    default = DEFAULT_PRIORITIES.get(state, DEFAULT_PRIORITY)
    checks, files, links, processes = _tracks(block, reader)
    return Instance(
        name,
        state,
        reader.last(block, "interface"),
        int(_number(reader.last(block, "virtual_router_id"), 0)),
        int(_number(reader.last(block, "priority"), default)),
        _number(reader.last(block, "advert_int"), DEFAULT_ADVERT_INT),
        "nopreempt" in keywords,
        tuple(_vips(block, reader)),
        tuple(words[0] for words in reader.items(block, "unicast_peer") if words),
        reader.last(block, "unicast_src_ip"),
        checks,
        files,
        "authentication" in keywords,
        groups.get(name, ""),
        block.line,
        block.last,
        not keywords.isdisjoint(("use_vmac", "use_ipvlan")),
        links,
        processes,
        _number(reader.last(block, "preempt_delay"), 0.0),
    )


def _vips(block: Statement, reader: _Reader) -> Iterator[Vip]:
    for listing in reader.blocks(block.children, "virtual_ipaddress", "virtual_ipaddress_excluded"):
        for line in reader.lines(listing):
            words = tuple(reader.text(word) for word in line.words)
            dev = words[words.index("dev") + 1 :][:1] if "dev" in words else ()
            address, _, prefix = words[0].partition("/")
            length = int(prefix) if _PREFIX.fullmatch(prefix) else 128 if ":" in address else 32
            yield Vip(
                canonical(address), length, "".join(dev), listing.keyword.endswith("excluded"), line.line
            )


def _track(words: tuple[str, ...]) -> Track:
    weight = words[words.index("weight") + 1 :][:1] if "weight" in words else ()
    return Track(words[0], int(_number("".join(weight), 0)) if weight else None, "reverse" in words)


_Tracks = tuple[Track, ...]


def _tracks(block: Statement, reader: _Reader) -> tuple[_Tracks, _Tracks, _Tracks, _Tracks]:
    """The scripts, files, links and processes that it follows."""

    def listed(*keywords: str) -> _Tracks:
        return tuple(_track(words) for words in reader.items(block, *keywords) if words)

    return (
        listed("track_script"),
        listed("track_file", "vrrp_track_file"),
        listed("track_interface", "track_bfd"),
        listed("track_process"),
    )


def _peer_values(line: Statement, reader: _Reader) -> Iterator[tuple[str, ...]]:
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


def _number(text: str, default: float) -> float:
    return float(text) if _NUMBER.fullmatch(text) else default
