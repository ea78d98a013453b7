"""The daemons' own files as they lie about: which of them is whose, and which stand for one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lbctl import haproxy, keepalived
from lbctl.desired.sources import MOST_BYTES
from lbctl.document import Document
from lbctl.errors import InputError, Place, Problem

PARSE = {"haproxy": haproxy.parse, "keepalived": keepalived.parse}
_WORDS = (b"vrrp_instance", b"vrrp_script", b"global_defs", b"virtual_server")
_CLUSTER_FILES = (".yaml", ".yml")
_ENDINGS = (".cfg", ".conf")


@dataclass(frozen=True)
class Plain:
    """A daemon's own file. `daemon` is "" where it is neither's."""

    path: Path
    daemon: str
    document: Document


@dataclass(frozen=True)
class PlainNode:
    """What was found of one node: its documents by daemon."""

    name: str
    documents: dict[str, Document]


def is_cluster_file(path: Path) -> bool:
    return path.suffix in _CLUSTER_FILES


def nodes(paths: Sequence[Path]) -> tuple[PlainNode, ...]:
    """The nodes of these files. Files in one directory are one node's, named after it; of several of one
    daemon in a directory each is a node of its own. A directory stands for the files in it and in the
    directories below it that are a daemon's. Raises InputError with every path that cannot be read, and every
    named file that is neither daemon's.
    """
    problems: list[Problem] = []
    found = [one for path in paths for one in _found(path, problems)]
    if problems:
        raise InputError(problems)
    by_folder: dict[Path, dict[Path, Plain]] = {}
    for one in found:
        by_folder.setdefault(one.path.resolve().parent, {})[one.path] = one
    return tuple(node for folder, files in by_folder.items() for node in _nodes(folder, [*files.values()]))


def _nodes(folder: Path, files: Sequence[Plain]) -> Iterator[PlainNode]:
    if len({one.daemon for one in files}) == len(files):
        yield PlainNode(folder.name, {one.daemon: one.document for one in files})
        return
    for one in files:
        yield PlainNode(one.path.stem, {one.daemon: one.document})


def _found(path: Path, problems: list[Problem]) -> list[Plain]:
    """The file, or those of the directory that are a daemon's."""
    try:
        if path.is_dir():
            return _inside(path, problems)
        one = _read(path, problems)
    except OSError as error:
        problems.append(_unreadable(path, error))
        return []
    if one and not one.daemon:
        text = "it is neither a haproxy.cfg nor a keepalived.conf, by its name or its words"
        problems.append(Problem(text, Place(str(path)), "name it *haproxy*.cfg or *keepalived*.conf"))
    return [one] if one else []


def _inside(folder: Path, problems: list[Problem]) -> list[Plain]:
    paths = sorted(one for pattern in ("*", "*/*") for one in folder.glob(pattern) if one.suffix in _ENDINGS)
    read = [_read(path, problems) for path in paths if path.is_file()]
    found = [one for one in read if one and one.daemon]
    if not found and all(read):
        mend = (
            "name the files, or a directory with haproxy.cfg and keepalived.conf, or one such for each node"
        )
        text = f"there is no haproxy.cfg and no keepalived.conf in {folder}"
        problems.append(Problem(text, Place(str(folder)), mend))
    return found


def _read(path: Path, problems: list[Problem]) -> Plain | None:
    if problem := unreadable(path):
        problems.append(problem)
        return None
    with path.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        problems.append(Problem(f"it is larger than {MOST_BYTES // 1024 // 1024} MiB", Place(str(path))))
        return None
    daemon = _daemon(path, data)
    return Plain(path, daemon, PARSE[daemon or "haproxy"](data, str(path)))


def unreadable(path: Path) -> Problem | None:
    """Why there is no file to be read at a path, None = there is one."""
    try:
        if path.exists() and not path.is_file():
            return _unreadable(path, OSError(0, "not a regular file"))
        path.open("rb").close()
    except OSError as error:
        return _unreadable(path, error)
    return None


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(f"it cannot be read: {error.strerror}", Place(str(path)), "name another")


def _daemon(path: Path, data: bytes) -> str:
    """By its name, else by its words."""
    for daemon in PARSE:
        if daemon in path.name:
            return daemon
    if path.suffix == ".cfg":
        return "haproxy"
    return "keepalived" if any(word in data for word in _WORDS) else ""
