"""The one interface to learn: a kind describes what to read and what to do on a node. All of it pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lbctl.model.change import Change
from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Command, Probe
from lbctl.model.resource import Resource, Unknown


@dataclass(frozen=True)
class Work:
    """How a change is carried out, in calls of the node's library.

    `stage` puts candidates beside, touching nothing that a daemon reads; `save` notes in the armed
    transaction what the undo needs; `swap` is the change itself.
    """

    stage: tuple[Command, ...] = ()
    save: tuple[Command, ...] = ()
    swap: tuple[Command, ...] = ()


class Kind(Protocol):
    """A type of thing on a node. `wanted` is what is desired together with what is owned already."""

    @property
    def name(self) -> str: ...

    def desired(self, node: Node, key: str) -> Sequence[Resource]:
        """What shall be on the node; digests are made with `key` (see Content.digest)."""
        ...

    def probes(self, wanted: Sequence[Resource]) -> Sequence[Probe]:
        """What to read on the node to know them."""
        ...

    def live(self, wanted: Sequence[Resource], answers: Answers, key: str) -> Sequence[Resource | Unknown]:
        """What is there, in the words of `wanted`: absent things are left out, unread ones are Unknown."""
        ...

    def work(self, change: Change) -> Work:
        """How to carry the change out. Only asked for changes whose action touches the node."""
        ...
