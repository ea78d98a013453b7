"""`lbctl render`: the files of a node as they shall be."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, File, view
from lbctl.errors import LocalError, UsageError

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster, ManagedFile, Node

NodeName = Annotated[str, typer.Argument(metavar="NODE", help="A node of the cluster file.")]
FilePath = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH", help="A file on it: its path or its end, such as haproxy.cfg. All if left out."
    ),
]
Reveal = Annotated[
    Path | None,
    typer.Option(
        "--reveal",
        metavar="OUT",
        help="Write the file with its secrets to OUT (new, mode 0600), print nothing.",
    ),
]


def render(node: NodeName, path: FilePath = None, file: File = CLUSTER_FILE, reveal: Reveal = None) -> None:
    """Show a node's files as they shall be, secrets masked. Connects to nothing."""
    from lbctl.desired import load

    if reveal is not None and path is None:
        raise UsageError("--reveal writes one file", mend="name it: lbctl render NODE PATH --reveal OUT")
    wanted = _node(load(file, secrets=reveal is not None), node)
    if reveal is not None:
        _write(reveal, _file(wanted, path or "").content.data)
        return
    with closing(view(json=False, no_color=True)) as shown:
        if path is not None:
            shown.raw(_file(wanted, path).content.shown)
            return
        for one in wanted.files:
            typer.echo(f"==> {one.path} ({one.mode} {one.owner}:{one.group}) <==")
            shown.raw(one.content.shown)
            typer.echo()


def _node(cluster: Cluster, name: str) -> Node:
    for node in cluster.nodes:
        if node.name == name:
            return node
    known = ", ".join(node.name for node in cluster.nodes)
    raise UsageError(f"{cluster.file} has no node {name}", mend=f"its nodes: {known}")


def _file(node: Node, path: str) -> ManagedFile:
    """The file of this path, or the one whose path ends so."""
    exact = [file for file in node.files if file.path == path]
    found = exact or [file for file in node.files if file.path.endswith("/" + path.lstrip("/"))]
    if len(found) == 1:
        return found[0]
    known = ", ".join(file.path for file in (found or node.files))
    said = "several files end in" if found else "has no file"
    raise UsageError(f"{node.name}: {said} {path}", mend=f"one of: {known}")


def _write(out: Path, data: bytes) -> None:
    """A new file that only its owner can read; an old one might be readable by others."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        mend = "name a file that does not exist yet"
        raise LocalError(f"{out} cannot be written: {error.strerror}", mend=mend) from error
    with os.fdopen(handle, "wb") as opened:
        opened.write(data)
