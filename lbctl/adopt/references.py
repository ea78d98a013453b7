"""The other files that the daemons' configurations name, and what becomes of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lbctl.document import Document, Statement

# a path anywhere in a word: maps and lists stand within expressions, scripts before their arguments
_PATH = re.compile(r"(?<![\w.:/@}])/(?:[\w.@+-]+/)*[\w.@+-]+/?")
# of these a relative path is meant, below the folder that `crt-base` or `ca-base` says
_BASES = {
    "crt": "crt-base",
    "crt-list": "crt-base",
    "ca-file": "ca-base",
    "ca-verify-file": "ca-base",
    "crl-file": "ca-base",
}
# what a daemon makes or talks through, and words of a request
_NOT_FILES = frozenset(
    {"chroot", "pidfile", "log", "stats", "server-state-file", "server-state-base", "bind", "server", "peer"}
)
_NOT_FILES_AFTER = frozenset({"httpchk", "uri", "monitor-uri", "path", "path_beg", "redirect", "meth"})
_SCRIPTS = re.compile(r"script|notify\w*|misc_path|quorum_up|quorum_down|smtp_alert\w*")
SYSTEM = (
    "/bin/",
    "/sbin/",
    "/lib",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/lib",
    "/dev/",
    "/proc/",
    "/run/",
    "/sys/",
)
"""Where programs and what runs have their own; `/usr/local` and `/opt` are an operator's."""
OURS = ("/etc/haproxy/", "/etc/keepalived/")


@dataclass(frozen=True)
class Named:
    """A path that a daemon's configuration names. `script` = it is run."""

    path: str
    daemon: str
    script: bool


def named(document: Document) -> tuple[Named, ...]:
    """Every absolute path in the words of the document, once, in order; no sockets, folders of work, URLs."""
    daemon = document.language.name
    found = _haproxy(document) if daemon == "haproxy" else _keepalived(document)
    unique = {one.path: one for one in found if not one.path.startswith(SYSTEM)}
    return tuple(unique.values())


def includes(document: Document) -> tuple[str, ...]:
    """The patterns of keepalived's `include` lines, absolute ones as they are, others beside the file."""
    folder = document.file.rpartition("/")[0]
    words = [one.words for _, one in document.walk()]
    words = [one[1:] if one and one[0].startswith("@") else one for one in words]
    patterns = [one[1] for one in words if len(one) > 1 and one[0].startswith("include")]
    return tuple(one if one.startswith("/") else f"{folder}/{one}" for one in patterns)


def _haproxy(document: Document) -> Iterator[Named]:
    bases = _base_folders(document)
    for _, statement in document.walk():
        if statement.block or statement.keyword.startswith("."):
            continue
        pairs = zip(statement.words, statement.words[1:], strict=False)
        for before, word in pairs:
            base = bases.get(_BASES.get(before, ""), "")
            if base and not word.startswith("/"):
                yield Named(f"{base}/{word}", "haproxy", False)
        for path in _paths(statement):
            yield Named(path, "haproxy", False)


def _base_folders(document: Document) -> dict[str, str]:
    lines = [line for section in document.find("global") for line in section.children]
    return {line.keyword: line.name.rstrip("/") for line in lines if line.keyword in _BASES.values()}


def _paths(statement: Statement) -> Iterator[str]:
    words: Sequence[str] = statement.words
    if words[0] in _BASES.values():
        return
    for number, word in enumerate(words[1:], 1):
        # a socket's address comes first on these lines; certificates and lists come later
        first = number == (2 if words[0] in ("stats", "server", "peer") else 1)
        if (first and words[0] in _NOT_FILES) or words[number - 1] in _NOT_FILES_AFTER:
            continue
        yield from _PATH.findall(word)


def _keepalived(document: Document) -> Iterator[Named]:
    for _, statement in document.walk():
        keyword = statement.keyword
        if keyword.startswith("include") or keyword in ("track_file", "vrrp_track_file"):
            continue
        script = bool(_SCRIPTS.fullmatch(keyword))
        for word in statement.words[1:]:
            for path in _PATH.findall(word):
                yield Named(path, "keepalived", script)
