"""What an import found on the nodes, what it took into the workspace, and what it left."""

from __future__ import annotations

from dataclasses import dataclass, field

from lbctl.errors import Problem


@dataclass(frozen=True)
class Written:
    """A file of the workspace, by its path there. `private` = nobody else may read it, and git ignores it."""

    path: str
    data: bytes = field(repr=False)
    private: bool = False


@dataclass(frozen=True)
class Thing:
    """Something that was found on nodes, and what became of it, or why nothing did. No secret is in it."""

    name: str
    nodes: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class AdoptedNode:
    """A node, where it was logged in to, its address on the VRRP network, and the system on it."""

    name: str
    host: str
    address: str
    os: str


@dataclass(frozen=True)
class Merged:
    """A file of the workspace that took in what was changed by hand on nodes.

    `diff` are its lines before (-) and after (+), as they may be shown.
    """

    path: str
    nodes: tuple[str, ...]
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Proposed:
    """What the cluster file would say with services in place of haproxy.cfg, and what that would change.

    `text` takes the place of its `haproxy:` part. `diff` is that of haproxy.cfg on `nodes`, as it may be
    shown. `services` are those that were found, `reasons` says why other frontends are none.
    """

    text: str
    services: tuple[str, ...]
    nodes: tuple[str, ...]
    diff: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Adoption:
    """A live cluster as a workspace. `differs` = what the nodes have each of their own."""

    cluster: str
    nodes: tuple[AdoptedNode, ...]
    files: tuple[Written, ...]
    taken: tuple[Thing, ...]
    differs: tuple[Thing, ...]
    left: tuple[Thing, ...]
    hands: tuple[Thing, ...]
    problems: tuple[Problem, ...] = ()
