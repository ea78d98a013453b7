"""The node's owner record: what the last apply left there. It lives on the node, root's alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from lbctl.model.cluster import RosterEntry
from lbctl.model.resource import Address, Resource


@dataclass(frozen=True)
class Owner:
    """`serial` counts the applies that changed this node. `key` (hex) is the node's own digest key.

    `originals` are the paths of files that were there before lbctl, whose bytes are kept on the node.
    `address` is the node's own, and `roster` its cluster's nodes, both as of its last apply; "" and
    None = unknown, in a record of an older lbctl. `retired` = it was taken out of its cluster.
    """

    cluster: str
    cluster_id: str
    serial: int
    plan: str
    key: str = field(repr=False)
    resources: tuple[Resource, ...] = ()
    originals: tuple[str, ...] = ()
    address: str = ""
    roster: tuple[RosterEntry, ...] | None = None
    retired: bool = False

    def applied(self, address: Address) -> Resource | None:
        return next((r for r in self.resources if r.address == address), None)
