"""A wish beside the cluster file: packages brought to the version that apt would install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbctl.errors import Problem
from lbctl.model.restart import Restart


@dataclass(frozen=True)
class Offer:
    """What a node's apt says of a package: the version that is installed, and its candidate; "" = none.

    `again` = the installed version can be had once more, so there is a way back. `held` = by apt-mark.
    `along` are other packages, each with its version, that apt would install with it.
    """

    package: str
    installed: str
    candidate: str
    again: bool = True
    held: bool = False
    along: tuple[str, ...] = ()

    @property
    def due(self) -> bool:
        return self.installed != self.candidate


@dataclass(frozen=True)
class Upgrade(Restart):
    """A restart with new packages: `units` are theirs, too. A node that has its candidates has no part in it.

    `offers` are what the nodes said, by node; `warnings` are what there was to say while they were asked.
    """

    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict, hash=False)
    warnings: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return " ".join(("upgrade", *self.units, *(f"--node {node}" for node in self.nodes)))

    @property
    def done(self) -> str:
        return "upgraded"
