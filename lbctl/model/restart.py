"""What is wished for beside the cluster file: daemons begun anew, with everything as it is."""

from __future__ import annotations

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


NO_RESTART = Restart()
