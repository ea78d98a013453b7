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
    directories below it. Raises InputError with every path that cannot be read or is neither daemon's.
    """
    problems: list[Problem] = []
    found = [one for path in paths for one in _files(path, problems)]
    read = [(path, *_read(path, problems)) for path in dict.fromkeys(found)]
    if problems:
        raise InputError(problems)
    by_folder: dict[Path, list[tuple[Path, str, Document]]] = {}
    for path, daemon, document in read:
        if document is not None:
            by_folder.setdefault(path.resolve().parent, []).append((path, daemon, document))
    return tuple(node for folder, files in by_folder.items() for node in _nodes(folder, files))


def _nodes(folder: Path, files: Sequence[tuple[Path, str, Document]]) -> Iterator[PlainNode]:
    daemons = [daemon for _, daemon, _ in files]
    if len(set(daemons)) == len(daemons):
        yield PlainNode(folder.name, {daemon: document for _, daemon, document in files})
        return
    for path, daemon, document in files:
        yield PlainNode(path.stem, {daemon: document})


def _files(path: Path, problems: list[Problem]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    inside = sorted(one for pattern in ("*", "*/*") for one in path.glob(pattern) if one.is_file())
    known = [one for one in inside if one.suffix in (".cfg", ".conf")]
    if not known:
        mend = (
            "name the files, or a directory with haproxy.cfg and keepalived.conf, or one such for each node"
        )
        problems.append(Problem(f"there is no .cfg or .conf file in {path}", Place(str(path)), mend))
    yield from known


def _read(path: Path, problems: list[Problem]) -> tuple[str, Document | None]:
    try:
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        problems.append(Problem(f"it cannot be read: {error.strerror}", Place(str(path)), "name another"))
        return "", None
    if len(data) > MOST_BYTES:
        problems.append(Problem(f"it is larger than {MOST_BYTES // 1024 // 1024} MiB", Place(str(path))))
        return "", None
    daemon = _daemon(path, data)
    if not daemon:
        text = "it is neither a haproxy.cfg nor a keepalived.conf, by its name or its words"
        problems.append(Problem(text, Place(str(path)), "name it *haproxy*.cfg or *keepalived*.conf"))
        return "", None
    return daemon, PARSE[daemon](data, str(path))


def _daemon(path: Path, data: bytes) -> str:
    """By its name, else by its words."""
    for daemon in PARSE:
        if daemon in path.name:
            return daemon
    if path.suffix == ".cfg":
        return "haproxy"
    return "keepalived" if any(word in data for word in _WORDS) else ""
