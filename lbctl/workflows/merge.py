"""import --merge: what was changed by hand in the daemons' files on the nodes, taken into the workspace's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from lbctl import haproxy, keepalived
from lbctl.adopt.live import DAEMONS
from lbctl.adopt.merge import CannotMergeError, Rendered, edits, merged
from lbctl.adopt.template import Subjects
from lbctl.desired import load
from lbctl.document import decode, encode
from lbctl.document.mask import mask
from lbctl.errors import InputError, RefusedError
from lbctl.model.adoption import Merged
from lbctl.model.cluster import Cluster, ManagedFile, Node
from lbctl.model.content import Content
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, Resource
from lbctl.store.place import rewrite
from lbctl.store.workspace import ClusterState
from lbctl.transport.protocol import Reader
from lbctl.workflows.applied import Applied
from lbctl.workflows.read import Emit, read_all

_ADDED = "# lbctl: "
_PARSE = {"haproxy": haproxy.parse, "keepalived": keepalived.parse}


@dataclass
class _Text:
    """A text that daemons' files are rendered from, as it was applied last, and those files."""

    daemon: str
    applied: str
    files: list[Rendered] = field(default_factory=list)


def merge(cluster: Cluster, state: ClusterState, reader: Reader, emit: Emit) -> tuple[Merged, ...]:
    """Take it in; every file of the workspace or none is changed.

    Raises RefusedError where a person has to do it: the nodes were changed in different ways, the same lines
    here too, a secret, or the daemon's part of the cluster file is no file of its own.
    """
    gathered = read_all(cluster, reader, emit)
    root = Path(cluster.file).resolve().parent
    texts: dict[str, _Text] = {}
    applied = Applied(cluster, state)
    for node in cluster.nodes:
        for daemon in DAEMONS:
            _add(texts, applied, node, gathered[node.name], daemon)
    made = [
        (root / name, text, _merged(name, root, text, _subjects(cluster, name, text.daemon)))
        for name, text in texts.items()
    ]
    changed = [(path, text, new) for path, text, new in made if new != path.read_bytes()]
    return _written(cluster, root, changed)


def _add(texts: dict[str, _Text], applied: Applied, node: Node, facts: Facts, daemon: str) -> None:
    """A node's file, where what is there is not what the last apply left."""
    file = node.file_of(daemon)
    live = facts.live(Address(node.name, "file", file.path)) if file else None
    owned = facts.owner.applied(live.address) if facts.owner and isinstance(live, Resource) else None
    if file is None or not isinstance(live, Resource) or live.content is None or owned is None:
        return
    if owned.value("content") == live.content.digest(facts.key):
        return
    found = applied.file(facts, file.path)
    if found is None:
        raise RefusedError(
            f"{node.name}: {file.path} was changed by hand and in the cluster file, "
            "and what was applied last is not kept here",
            mend="put the cluster file back as it was applied (git stash), merge, and change it again",
        )
    base, was = found
    name = _name(base, was)
    if name not in applied.cluster.sources:
        said = f"{node.name}: {daemon} is no file of its own in the cluster file"
        mend = "take it in by hand; lbctl drift shows it"
        raise RefusedError(f"{said}, and {file.path} was changed by hand", mend=mend)
    text = texts.setdefault(name, _Text(daemon, decode(base.sources[name])))
    if text.applied != decode(base.sources[name]):
        said = f"{node.name}: it was left out of an apply that changed {name}"
        raise RefusedError(
            f"{said}, and was changed by hand", mend="take it in by hand, or lbctl apply first"
        )
    if _hidden(was.content) != _hidden(live.content):
        said = f"{node.name}: {file.path}: a line with a secret was changed by hand"
        raise RefusedError(said, mend="take it in by hand, into the secret's own file")
    text.files.append(_rendered(node.name, was, live.content))


def _subjects(cluster: Cluster, name: str, daemon: str) -> Subjects:
    """The nodes whose files are rendered from this text."""
    nodes = [n for n in cluster.nodes if (file := n.file_of(daemon)) and _name(cluster, file) == name]
    return Subjects(tuple(node.name for node in nodes), tuple(node.address for node in nodes))


def _hidden(content: Content) -> list[str]:
    """The lines in which something may not be shown, whole, in any order. For comparing alone."""
    pairs = zip(decode(content.data).split("\n"), decode(content.shown).split("\n"), strict=False)
    return sorted(real for real, shown in pairs if real != shown)


def _name(base: Cluster, was: ManagedFile) -> str:
    """The file beside the cluster file that a daemon's file is rendered from; "" = there is not the one."""
    found = {Path(place.file) for place in was.places} - {Path(base.file)}
    return str(found.pop().relative_to(Path(base.file).parent)) if len(found) == 1 else ""


def _rendered(node: str, was: ManagedFile, live: Content) -> Rendered:
    """Without the lines that lbctl adds of its own: they are in no text."""
    lines = decode(was.content.shown).split("\n")
    numbers = [place.line for place in was.places] + [was.places[-1].line + 1]
    own = [(line, n) for line, n in zip(lines, numbers, strict=False) if _ADDED not in line]
    shown, data = decode(live.shown).split("\n"), decode(live.data).split("\n")
    kept = [(line, line != real) for line, real in zip(shown, data, strict=True) if _ADDED not in line]
    return Rendered(
        node,
        tuple(line for line, _ in own),
        tuple(line for line, _ in kept),
        tuple(number for _, number in own),
        frozenset(number for number, (_, masked) in enumerate(kept) if masked),
    )


def _merged(name: str, root: Path, text: _Text, about: Subjects) -> bytes:
    applied = text.applied.split("\n")
    now = decode((root / name).read_bytes()).split("\n")
    try:
        found = edits(applied, text.files, about)
        # as it is kept a secret that stands in clear is masked: where the file is as it was, it has its own
        before = applied if len(applied) != len(now) else _unmasked(applied, now)
        new = merged(before, now, found, lambda line: "".join(_shown(text.daemon, encode(line))))
    except CannotMergeError as error:
        mend = "take it in by hand; lbctl drift shows it"
        raise RefusedError(f"{name}: {error}", detail=error.detail, mend=mend) from error
    return encode("\n".join(new))


def _unmasked(applied: Sequence[str], now: Sequence[str]) -> list[str]:
    """The applied lines, those with the mask in them as they are in the file of now."""
    return [here if "***" in was else was for was, here in zip(applied, now, strict=True)]


def _written(
    cluster: Cluster, root: Path, changed: Sequence[tuple[Path, _Text, bytes]]
) -> tuple[Merged, ...]:
    """Write them, and put all back where the cluster file is no good with them."""
    before = {path: path.read_bytes() for path, _, _ in changed}
    try:
        for path, _, new in changed:
            rewrite(path, new)
        load(Path(cluster.file), secrets=False)
    except BaseException as error:
        for path, data in before.items():
            rewrite(path, data)
        if isinstance(error, InputError):
            raise RefusedError("the cluster file would be wrong with it", detail=str(error)) from error
        raise
    return tuple(
        Merged(
            str(path.relative_to(root)), tuple(_changed(text)), tuple(_diff(text.daemon, before[path], new))
        )
        for path, text, new in changed
    )


def _changed(text: _Text) -> Iterator[str]:
    return (file.node for file in text.files if file.applied != file.live)


def _diff(daemon: str, before: bytes, after: bytes) -> Iterator[str]:
    """Lines before and after, as they may be shown."""
    one, two = (_shown(daemon, data) for data in (before, after))
    lines = list(unified_diff(one, two, lineterm="", n=0))
    return (line for line in lines[2:] if not line.startswith("@@"))


def _shown(daemon: str, data: bytes) -> list[str]:
    """The lines as they may be shown."""
    return decode(mask(_PARSE[daemon](data, ""))).split("\n")
