"""What an instance follows, and the definitions of that, as the daemon has them. Measured with 2.2.7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lbctl.document import Statement
from lbctl.keepalived.reader import Tree, decimal, integer, items, last, named, values

MOST = 254
LONGEST = 4294  # seconds between two runs of a script


@dataclass(frozen=True)
class Track:
    """A script or file that an instance follows. `weight` None = the weight of its definition.

    `reverse` also where its definition says so.
    """

    name: str
    weight: int | None = None
    reverse: bool = False


@dataclass(frozen=True)
class Script:
    """One vrrp_script. A weight of 0 puts the instance into FAULT when it fails; `interval` in seconds.

    `command` is what the daemon runs: the one word after `script`, taken apart as a shell would.
    """

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
    reverse: bool = False


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
class Tracks:
    """What an instance or sync group follows, each once. `links` are interfaces and BFD neighbours."""

    scripts: tuple[Track, ...]
    files: tuple[Track, ...]
    links: tuple[Track, ...]
    processes: tuple[Track, ...]


def scripts(tree: Tree) -> tuple[Script, ...]:
    """Those with a command, in order: one without is removed, and of two with one name the second is."""
    defined = tuple(one for one in tree if last(one, "script"))
    return tuple(
        Script(
            block.name,
            last(block, "script"),
            _interval(block),
            integer(last(block, "weight")),
            max(1, integer(last(block, "rise"))),
            max(1, integer(last(block, "fall"))),
            block.line,
            _reverse(block),
        )
        for block in named(defined, "vrrp_script")
    )


def _interval(block: Statement) -> float:
    """Whole seconds, and at least one: 0.5 is 1, 2.5 is 2."""
    found = [1, *(integer(word) for word in values(block, "interval"))]
    return float(max(1, next(number for number in reversed(found) if 0 <= number <= LONGEST)))


def track_files(tree: Tree) -> tuple[TrackFile, ...]:
    """Those with a path, in order; of two with one name the first. Their first path and weight count."""
    defined = tuple(one for one in tree if any(values(one, "file")))
    return tuple(
        TrackFile(block.name, next(values(block, "file")), _file_weight(block), block.line, _reverse(block))
        for block in named(defined, "track_file", "vrrp_track_file")
    )


def _file_weight(block: Statement) -> int:
    found = [integer(word) for word in values(block, "weight") if word]
    return next((number for number in found if abs(number) <= MOST and number != 1), 1)


def track_processes(tree: Tree) -> tuple[TrackProcess, ...]:
    """Every track_process (vrrp_track_process) block outside instances, in order."""
    return tuple(
        TrackProcess(
            block.name,
            next((" ".join(one.words[1:]) for one in block.find("process")), ""),
            integer(last(block, "weight")),
            decimal(last(block, "terminate_delay") or last(block, "delay")) or 0.0,
            block.line,
            _reverse(block),
        )
        for block in named(tree, "track_process", "vrrp_track_process")
    )


def _reverse(block: Statement) -> bool:
    return any(one.words[2:3] == ("reverse",) for one in block.find("weight"))


def tracks(block: Statement, tree: Tree, whole: bool) -> Tracks:
    """What this block of the tree follows; `whole` = no other file has definitions.

    The daemon knows the scripts and files that it has read already, and goes on without any other.
    """
    before = tuple(one for one in tree if one.line < block.line)
    known = {one.name: one.reverse for one in scripts(before)} if whole else None
    files = {one.name: one.reverse for one in track_files(before)} if whole else None
    return Tracks(
        _listed(block, lambda words: _script(words, known), "track_script"),
        _listed(block, lambda words: _file(words, files), "track_file"),
        _listed(block, _link, "track_interface", "track_bfd"),
        _listed(block, _link, "track_process"),
    )


def _listed(
    block: Statement, track: Callable[[tuple[str, ...]], Track | None], *keywords: str
) -> tuple[Track, ...]:
    """Each once: the daemon drops what is followed already."""
    found: dict[str, Track] = {}
    for line in items(block, *keywords):
        if one := track(line.words):
            found.setdefault(one.name, one)
    return tuple(found.values())


_Reversed = Mapping[str, bool] | None


def _script(words: tuple[str, ...], known: _Reversed) -> Track | None:
    """254 is taken for 253."""
    one = _known(words, known)
    if one and one.weight and abs(one.weight) == MOST:
        return replace(one, weight=one.weight - one.weight // MOST)
    return one


def _file(words: tuple[str, ...], known: _Reversed) -> Track | None:
    return _known(words, known) if words[3:4] in ((), ("reverse",), ("noreverse",)) else None


def _known(words: tuple[str, ...], known: _Reversed) -> Track | None:
    """`known` says which definitions there are, and which of them are reversed; None = nobody knows."""
    if known is None:
        return _link(words)
    one = _link(words) if words[0] in known else None
    return replace(one, reverse=True) if one and known[one.name] and words[3:4] != ("noreverse",) else one


def _link(words: tuple[str, ...]) -> Track | None:
    """One line of a list: a name, or one with `weight N` and perhaps `reverse`. Others are dropped."""
    if len(words) == 1:
        return Track(words[0])
    if words[1] != "weight" or len(words) == 2:
        return None
    weight = integer(words[2])
    return Track(words[0], weight if abs(weight) <= MOST else None, words[3:4] == ("reverse",))
