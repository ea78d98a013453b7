"""What was applied last, as this workspace keeps it: a node's own record proves which of it the node has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lbctl.desired import load
from lbctl.errors import InputError
from lbctl.model.change import Change
from lbctl.model.cluster import Cluster, ManagedFile
from lbctl.model.facts import Facts
from lbctl.model.plan import Apart
from lbctl.model.resource import Address
from lbctl.planning.apart import apart, by_hand
from lbctl.store.workspace import ClusterState

_MOST = 20  # serials to look back


@dataclass
class Applied:
    """Each serial is read once, and none before it is asked for."""

    cluster: Cluster
    state: ClusterState
    _read: dict[int, Cluster | None] = field(default_factory=dict)

    def file(self, facts: Facts, path: str) -> tuple[Cluster, ManagedFile] | None:
        """The cluster as it was applied on this node, and the file in it; None = it is not kept here."""
        owned = facts.owner.applied(Address(facts.node, "file", path)) if facts.owner else None
        if owned is None:
            return None
        for base in self._bases():
            files = (file for node in base.nodes if node.name == facts.node for file in node.files)
            file = next((one for one in files if one.path == path), None)
            if file and file.content.digest(facts.key) == owned.value("content"):
                return base, file
        return None

    def _bases(self) -> Iterator[Cluster]:
        """The cluster as it is desired now, then as it was before, the latest first."""
        yield self.cluster
        for serial in self.state.serials()[:_MOST]:
            if serial not in self._read:
                self._read[serial] = self._load(serial)
            if kept := self._read[serial]:
                yield kept

    def _load(self, serial: int) -> Cluster | None:
        with suppress(InputError):  # a secret of then may be gone
            return load(self.state.desired_file(serial), secrets_of=Path(self.cluster.file))
        return None


def told_apart(
    cluster: Cluster, state: ClusterState, gathered: Mapping[str, Facts], changes: Iterable[Change]
) -> tuple[Apart, ...]:
    """Of the daemons' files that were changed by hand: whose is what, where it is known what was applied."""
    applied = Applied(cluster, state)
    found = []
    for change in filter(by_hand, changes):
        kept = applied.file(gathered[change.address.node], change.address.name)
        if kept is not None:
            found.append(apart(change, kept[1].content))
    return tuple(found)
