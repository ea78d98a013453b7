"""What lint looks at: each node's two documents, and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lbctl import haproxy
from lbctl.document import Document
from lbctl.errors import Place
from lbctl.haproxy.views import Bind, binds
from lbctl.keepalived.views import Instance
from lbctl.lint.part import Part, parts
from lbctl.model.cluster import HAPROXY_CFG
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

    `address` is the node's on the VRRP network, "" = unknown; `addresses` all that it has on any interface
    but lo. `packages` are those that are (or shall be) installed, `sysctls` values by key, `files` other
    files by path, `tools` those of the commands that lbctl looks for which are there. `claimed`: by interface
    the daemon that takes away addresses there which it has not set. `loads` are the files that HAProxy is
    started with, empty = unknown; `open_files` what its unit allows, 0 = no limit, or unknown.
    """

    name: str
    address: str = ""
    haproxy: Text | None = None
    keepalived: Text | None = None
    packages: frozenset[str] | None = None
    sysctls: Mapping[str, str] | None = None
    files: Mapping[str, Content] = field(default_factory=dict, repr=False)
    addresses: frozenset[str] | None = None
    tools: frozenset[str] | None = None
    claimed: Mapping[str, str] = field(default_factory=dict)
    loads: frozenset[str] = frozenset()
    open_files: int = 0

    @cached_property
    def binds(self) -> tuple[Bind, ...]:
        """What its haproxy.cfg binds to; nothing where that is not known."""
        return binds(self.haproxy.document) if self.haproxy else ()

    @cached_property
    def pieces(self) -> tuple[Document, ...]:
        """Its other files that HAProxy may be started with, in the order in which it would read them."""
        paths = sorted(path for path in self.files if path.endswith(".cfg") and path != HAPROXY_CFG)
        return tuple(haproxy.parse(self.files[path].shown, path) for path in paths)

    @property
    def partial(self) -> bool:
        """Is its HAProxy started with files of which nobody here knows what they say?"""
        return not self.loads <= {HAPROXY_CFG, *self.files}

    def listens(self, address: str, port: int = 0) -> bool:
        """Does its HAProxy, by any of its files? port 0 = on whichever."""
        every = (*self.binds, *(bind for piece in self.pieces for bind in binds(piece)))
        return any(
            one.answers(address) and (not port or one.first_port <= port <= one.last_port) for one in every
        )

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """Those of its keepalived.conf; none where that is not known."""
        return tuple(one.instance for one in self.parts)

    @cached_property
    def vips(self) -> frozenset[str]:
        """The addresses that its instances carry."""
        return frozenset(vip.address for one in self.instances for vip in one.vips)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What its keepalived.conf has it do, instance by instance."""
        return parts(self)


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
