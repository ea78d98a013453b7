"""The files beside the daemons' main ones: which are taken into the workspace, which are left, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lbctl.adopt.clusterfile import Value
from lbctl.adopt.live import File, parsed
from lbctl.adopt.nodes import Subject
from lbctl.adopt.references import OURS, Named
from lbctl.document import holds_secret
from lbctl.model.adoption import Thing, Written
from lbctl.model.spelling import is_path

MOST_BYTES = 1024 * 1024

_PLACES = {
    "/etc/letsencrypt/": "certbot renews it",
    "/etc/ssl/": "it may be the system's, or another service's",
    "/etc/pki/": "it may be the system's, or another service's",
    "/etc/kolla/": "kolla writes it",
}
_KINDS = {
    "link": "a symbolic link: lbctl writes through none",
    "folder": "a folder",
    "parted": "a folder: the files that are in it now are looked at one by one",
    "other": "no regular file",
}


@dataclass
class Others:
    """`common` and `own` (by node) are entries of `files:`; `files` goes into the workspace."""

    common: dict[str, Value] = field(default_factory=dict)
    own: dict[str, dict[str, Value]] = field(default_factory=dict)
    files: list[Written] = field(default_factory=list)
    taken: list[Thing] = field(default_factory=list)
    left: list[Thing] = field(default_factory=list)


def wanted(found: Named) -> bool:
    """Would it be taken, were it a regular file?"""
    return found.script or found.path.startswith(OURS)


def others(nodes: Sequence[Subject], *, take: bool) -> Others:
    """What becomes of every file that the nodes' configurations name."""
    made = Others()
    every = {one.path: one for node in nodes for one in (*node.live.pieces, *node.live.named)}
    for path, one in sorted(every.items()):
        files = {node.name: node.live.files[path] for node in nodes if path in node.live.files}
        if reason := _reason(nodes, one, files, take=take):
            here = tuple(node.name for node in nodes if path in node.live.kinds or path in node.live.files)
            made.left += [Thing(path, here, reason)] if here else []
        else:
            _take(made, one, files, len(nodes))
    for path in sorted({path for node in nodes for path in node.live.dropins}):
        here = tuple(node.name for node in nodes if path in node.live.dropins)
        made.left.append(
            Thing(path, here, "it changes the unit: under files: with after: restart, if wanted")
        )
    return made


def _reason(nodes: Sequence[Subject], one: Named, files: Mapping[str, File], *, take: bool) -> str:
    """Why it is left, "" = it is taken."""
    kinds = {node.live.kinds[one.path] for node in nodes if one.path in node.live.kinds} - {"file"}
    piece = any(one in node.live.pieces for node in nodes)
    if kinds:
        within = f"{one.path.rstrip('/')}/"
        parted = take and any(other.path.startswith(within) for node in nodes for other in node.live.named)
        return _KINDS["parted" if parted and kinds == {"folder"} else min(kinds)]
    if not take:
        return "--no-files"
    if not (wanted(one) or piece):
        place = next((why for place, why in _PLACES.items() if one.path.startswith(place)), "")
        return place or "it is outside of /etc/haproxy and /etc/keepalived"
    if not is_path(one.path):
        return "a path that lbctl cannot manage"
    if not files:
        return "it could not be read"
    if any(len(file.data) > MOST_BYTES for file in files.values()):
        return f"it is larger than {MOST_BYTES // 1024} KiB"
    untouched = [node.live.untouched(node.live.files[one.path]) for node in nodes if node.name in files]
    return "as its package brought it" if all(untouched) else ""


def _take(made: Others, one: Named, files: Mapping[str, File], count: int) -> None:
    alike = len(set(files.values())) == 1 and len(files) == count
    secret = any(_hidden(one, file) for file in files.values())
    for node, file in files.items():
        folder = "" if alike else f"{node}/"
        place = f"secrets/{folder}{_flat(one.path)}" if secret else f"{folder}files{one.path}"
        entry = _entry(one, file, place, secret=secret)
        if alike:
            made.common[one.path] = entry
            made.files.append(Written(place, file.data, private=secret))
            break
        made.own.setdefault(node, {})[one.path] = entry
        made.files.append(Written(place, file.data, private=secret))
    text = "a secret" if secret else "a script" if one.script else ""
    differs = "" if alike else "it differs between the nodes"
    made.taken.append(Thing(one.path, tuple(files), ", ".join(filter(None, (text, differs)))))


def _hidden(one: Named, file: File) -> bool:
    """Not for everybody's eyes. What is empty holds no secret."""
    closed = file.mode[-1:] not in ("4", "5", "6", "7")
    words = not one.script and holds_secret(parsed(one.daemon, file))
    return bool(file.data) and (closed or words or b"PRIVATE KEY" in file.data)


def _entry(one: Named, file: File, place: str, *, secret: bool) -> Value:
    source: dict[str, Value] = {"secret": {"file": place}} if secret else {"from": place}
    usual = {"mode": "0600" if secret else "0644", "owner": "root", "group": "root"}
    own = {"mode": file.mode, "owner": file.owner, "group": file.group}
    said = {key: value for key, value in own.items() if value != usual[key]}
    after = {} if one.script else {"after": f"reload {one.daemon}"}
    return {**source, **said, **after}


def _flat(path: str) -> str:
    return path.strip("/").replace("/", "_")


def paths_wanted(found: Sequence[Named], kinds: Mapping[str, str]) -> Iterator[str]:
    """Those whose bytes are to be read."""
    return (one.path for one in found if kinds.get(one.path) == "file" and wanted(one))
