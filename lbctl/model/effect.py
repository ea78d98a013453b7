"""What a change does to the daemons of its node, and how far it reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum


class Impact(IntEnum):
    """What a change does to its node's daemon, in rising order."""

    NONE = 0
    RELOAD = 1
    RESTART = 2

    def __str__(self) -> str:
        return self.name.lower()


class Scope(Enum):
    """May the nodes differ in it for a while? CLUSTER = no: VRRP peers compare it in every advert."""

    NODE = "node"
    CLUSTER = "cluster"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, order=True)
class Effect:
    """`unit` (without .service) has to take the change by `impact`."""

    unit: str
    impact: Impact

    def __str__(self) -> str:
        return f"{self.impact} {self.unit}"


def merged(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """One effect a unit, the strongest: three changed files cost one reload. haproxy before keepalived.

    HAProxy first: keepalived's check scripts look at it, so it has to stand when keepalived takes its file.
    """
    strongest: dict[str, Impact] = {}
    for effect in effects:
        strongest[effect.unit] = max(effect.impact, strongest.get(effect.unit, Impact.NONE))
    found = [Effect(unit, impact) for unit, impact in strongest.items() if impact > Impact.NONE]
    return tuple(sorted(found, key=lambda e: (e.unit == "keepalived", e.unit)))
