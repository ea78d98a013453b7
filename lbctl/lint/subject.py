"""What lint looks at: each node's two documents, and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbctl.document import Document
from lbctl.errors import Place
from lbctl.model.content import Content


@dataclass(frozen=True)
class Text:
    """A daemon's main file on one node.

    `places` says for each of its lines (the first is line 1) where it comes from in the user's files; empty =
    the document's own file and numbers. Two nodes that have the same text from the same place may share it.
    """

    document: Document
    places: tuple[Place, ...] = ()

    def place(self, line: int) -> Place:
        """Where a finding about this line (1-based; 0 = the whole file) is shown."""
        if 0 < line <= len(self.places):
            return self.places[line - 1]
        if not self.places:
            return Place(self.document.file, line)
        return Place(self.places[0].file)


@dataclass(frozen=True)
class Machine:
    """One node, as far as it is known; None = nobody knows, and nothing is found about it.

    `address` is the node's on the VRRP network, "" = unknown. `packages` are those that are (or shall be)
    installed, `sysctls` values by key, `files` other files by path, `units` those that are active.
    """

    name: str
    address: str = ""
    haproxy: Text | None = None
    keepalived: Text | None = None
    packages: frozenset[str] | None = None
    sysctls: Mapping[str, str] | None = None
    files: Mapping[str, Content] = field(default_factory=dict, repr=False)
    units: frozenset[str] | None = None


@dataclass(frozen=True)
class Subject:
    """A cluster: its nodes in order. `live` = gathered from the nodes, else as it shall be.

    `additions` are those that lbctl makes; None = the files are nobody's cluster file, and nothing is said of
    additions.
    """

    name: str
    machines: tuple[Machine, ...]
    live: bool = False
    additions: tuple[str, ...] | None = None
