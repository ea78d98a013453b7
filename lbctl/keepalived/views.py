"""Typed views over a keepalived document: what the daemon has of it; nothing else reads its words.

As the daemon's own dump says (`keepalived --dump-conf`, 2.2.7). What it cannot be asked about stays as it is
written: an instance that it removes, for it has no VIP, is one here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lbctl.document import Document, Statement
from lbctl.keepalived import settings, tracking
from lbctl.keepalived.reader import Tree, blocks, integer, items, last, named, read
from lbctl.keepalived.tables import PEER_DEFAULTS, PEER_WORDS
from lbctl.keepalived.tracking import Script, Track, TrackFile, TrackProcess, Tracks
from lbctl.model.ip import canonical

__all__ = [
    "Instance",
    "PeerView",
    "Script",
    "SyncGroup",
    "Track",
    "TrackFile",
    "TrackProcess",
    "Vip",
    "instances",
    "peer_view",
    "scripts",
    "sync_groups",
    "track_files",
    "track_processes",
]


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
class Instance:
    """One vrrp_instance. `virtual_router_id` 0 = none or not a number; `advert_int` in seconds.

    `vmac` = its VIPs are on an interface of its own, with a MAC address of its own. `links` are the
    interfaces and BFD neighbours that it follows; `preempt_delay` in seconds. `family` is 4 or 6; `dropped`
    are addresses of the other one, which the daemon does not take. `down_timer_adverts` are waited for in
    vain before it makes itself master.
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
    family: int = 4
    version: int = 2
    dropped: tuple[Vip, ...] = ()
    down_timer_adverts: int = settings.DOWN_TIMER_ADVERTS


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
class PeerView:
    """What the peers of one instance must agree with: sorted lines of words, secrets in full.

    For comparing, never for showing.
    """

    instance: str
    values: tuple[tuple[str, ...], ...] = field(repr=False)


def instances(document: Document, config_id: str = "") -> tuple[Instance, ...]:
    """Every vrrp_instance block, in order; of two with one name the first."""
    tree = read(document, config_id)
    groups = {member: one.name for one in reversed(_groups(tree, document)) for member in one.members}
    defaults, whole = settings.Defaults.of(tree), _whole(document)
    return tuple(
        _instance(block, defaults, groups, tracking.tracks(block, tree, whole))
        for block in named(tree, "vrrp_instance")
    )


def scripts(document: Document, config_id: str = "") -> tuple[Script, ...]:
    """Every vrrp_script block with a command, in order; of two with one name the first."""
    return tracking.scripts(read(document, config_id))


def track_files(document: Document, config_id: str = "") -> tuple[TrackFile, ...]:
    """Every track_file (vrrp_track_file) block outside instances that has a path, in order."""
    return tracking.track_files(read(document, config_id))


def track_processes(document: Document, config_id: str = "") -> tuple[TrackProcess, ...]:
    """Every track_process (vrrp_track_process) block outside instances, in order."""
    return tracking.track_processes(read(document, config_id))


def sync_groups(document: Document, config_id: str = "") -> tuple[SyncGroup, ...]:
    """Every vrrp_sync_group block, in order; of two with one name the first."""
    return _groups(read(document, config_id), document)


def peer_view(document: Document, config_id: str = "") -> tuple[PeerView, ...]:
    """What the peers of one instance must agree with, by instance, sorted by name.

    A change that moves any of it must reach every node at one instant.
    """
    tree = read(document, config_id)
    common = tuple(
        line.words
        for block in blocks(tree, "global_defs")
        for line in block.children
        if line.keyword in PEER_DEFAULTS
    )
    found = []
    for block in named(tree, "vrrp_instance"):
        own = [value for line in block.children if line.keyword in PEER_WORDS for value in _peer_values(line)]
        found.append(PeerView(block.name, tuple(sorted((*common, *own)))))
    return tuple(sorted(found, key=lambda view: view.instance))


def _whole(document: Document) -> bool:
    """Whether no other file may have definitions."""
    return not any(one.keyword.startswith("include") for _, one in document.walk())


def _groups(tree: Tree, document: Document) -> tuple[SyncGroup, ...]:
    whole = _whole(document)
    return tuple(
        _group(block, tracking.tracks(block, tree, whole)) for block in named(tree, "vrrp_sync_group")
    )


def _group(block: Statement, follows: Tracks) -> SyncGroup:
    """Its first list of members counts."""
    members = next(blocks(block.children, "group"), None)
    weighing = ("sync_group_tracking_weight", "global_tracking")
    return SyncGroup(
        block.name,
        tuple(name for line in (members.children if members else ()) for name in line.words),
        follows.scripts,
        follows.files,
        follows.links,
        follows.processes,
        any(line.keyword in weighing for line in block.children),
    )


def _instance(
    block: Statement, defaults: settings.Defaults, groups: Mapping[str, str], follows: Tracks
) -> Instance:
    strict = settings.strict(block, defaults)
    family, version = settings.family_and_version(block, defaults)
    authentication = settings.authentication(block, family, version, strict)
    state, priority = settings.state_and_priority(block, authentication, strict)
    vips = tuple(_vips(block))
    dropped = tuple(one for one in vips if not one.excluded and _foreign(one.address, family))
    peers = (line.keyword for line in items(block, "unicast_peer"))
    return Instance(
        name=block.name,
        state=state,
        interface=last(block, "interface"),
        virtual_router_id=settings.virtual_router_id(block),
        priority=priority,
        advert_int=settings.advert_int(block, version),
        nopreempt=settings.nopreempt(block),
        vips=tuple(one for one in vips if one not in dropped),
        peers=tuple(word for word in peers if _readable(word) and not _foreign(word, family)),
        unicast_source=settings.source(block, family),
        scripts=follows.scripts,
        files=follows.files,
        authenticated=bool(authentication),
        sync_group=groups.get(block.name, ""),
        line=block.line,
        last=block.last,
        vmac=any(line.keyword in ("use_vmac", "use_ipvlan") for line in block.children),
        links=follows.links,
        processes=follows.processes,
        preempt_delay=settings.preempt_delay(block, strict),
        family=family,
        version=version,
        dropped=dropped,
        down_timer_adverts=settings.down_timer_adverts(block, defaults, strict),
    )


def _vips(block: Statement) -> Iterator[Vip]:
    for listing in blocks(block.children, "virtual_ipaddress", "virtual_ipaddress_excluded"):
        for line in listing.children:
            words = line.words
            if not _readable(words[0]):
                continue
            dev = words[words.index("dev") + 1 :][:1] if "dev" in words else ()
            address, slash, prefix = words[0].partition("/")
            most = 128 if ":" in address else 32
            # a length that is none is 0, and one out of range the whole address
            length = integer(prefix) if slash and 0 <= integer(prefix) <= most else most
            yield Vip(
                canonical(address), length, "".join(dev), listing.keyword.endswith("excluded"), line.line
            )


def _readable(word: str) -> bool:
    """The daemon skips what is no address. What it makes of other text is not known here."""
    return settings.is_written_address(word) or word.startswith("~") or "$" in word


def _foreign(word: str, family: int) -> bool:
    return settings.is_written_address(word) and (":" in word) != (family == 6)


def _peer_values(line: Statement) -> Iterator[tuple[str, ...]]:
    """One setting as the peers see it: lists without their order, addresses without their spelling."""
    if not line.children:
        yield line.words
    for child in line.children:
        words = child.words
        yield (
            (line.keyword, canonical(words[0]))
            if line.keyword != "authentication"
            else (line.keyword, *words)
        )
