"""What is wished for beside the cluster file: daemons begun anew, with everything as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Restart:
    """`units` shall be restarted on `nodes` (none named = on all). Without units nothing is wished for."""

    units: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.units)

    def __str__(self) -> str:
        """As it is asked for on the command line, after `lbctl`."""
        return " ".join(("restart", *self.units, *self.nodes))

    @property
    def done(self) -> str:
        """What has happened to a node that it is done with."""
        return "restarted"

    def among(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Those of the nodes that are wished for."""
        return tuple(name for name in nodes if name in self.nodes or not self.nodes)


NO_RESTART = Restart()
