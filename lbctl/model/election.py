"""Who holds each VIP for every combination of dead nodes and dead HAProxys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class NodeState(Enum):
    ALIVE = "alive"
    HAPROXY_DEAD = "haproxy dead"
    DEAD = "node dead"

    def __str__(self) -> str:
        return self.value


class Why(Enum):
    """What is to be said of an outcome."""

    TIE = "tie"
    CLOSE = "close"
    RACE = "race"
    SPLIT = "split"
    NOBODY = "nobody"
    UNTRACKED = "haproxy not tracked"
    UNSURE = "unsure"
    NOPREEMPT = "stays: nopreempt"
    EQUAL = "stays: equal priority"
    HIGHEST = "stays: highest priority"
    UNSETTLED = "unsettled"

    def __str__(self) -> str:
        return self.value


Holders = tuple[str, ...]
"""The nodes that hold a VIP at once: one, none, or several that do not hear each other."""


@dataclass(frozen=True)
class Outcome:
    """How it ends. Each entry of `ends` is a way in which it may; one = it is certain.

    `seconds` is for how long, at most, it is not so yet, counted from the failures; 0 = nothing changes.
    `soonest` is for how long it is not so at least.
    `back` is how it ends when all that failed has come back. A holder in `idle` has no HAProxy, while a node
    that could hold the VIP has one.
    """

    ends: tuple[Holders, ...]
    seconds: float
    why: tuple[Why, ...] = ()
    back: tuple[Holders, ...] = ()
    idle: Holders = ()
    soonest: float = 0.0


States = tuple[NodeState, ...]


@dataclass(frozen=True)
class Row:
    """One combination: the states of the table's nodes, in their order, all that failed at once."""

    states: States
    outcome: Outcome


@dataclass(frozen=True)
class RouterTable:
    """The VIPs that one virtual router has on the same nodes. `instances` are its names there.

    `advert_int` is the longest on any node, in seconds; `normal` is how it ends while nothing has failed.
    """

    instances: tuple[str, ...]
    sync_groups: tuple[str, ...]
    vips: tuple[str, ...]
    advert_int: float
    normal: tuple[Holders, ...]
    rows: tuple[Row, ...]

    @cached_property
    def _outcomes(self) -> Mapping[States, Outcome]:
        return {row.states: row.outcome for row in self.rows}

    def outcome(self, states: States) -> Outcome | None:
        return self._outcomes.get(states)


@dataclass(frozen=True)
class ElectionTable:
    """`failures` is the most that fail at once in it; `notes` say what could not be known."""

    nodes: tuple[str, ...]
    failures: int
    routers: tuple[RouterTable, ...]
    notes: tuple[str, ...] = ()

    def router(self, vip: str) -> RouterTable | None:
        return next((one for one in self.routers if vip in one.vips), None)


@dataclass(frozen=True)
class ElectionChange:
    """The table before an apply, and after it."""

    before: ElectionTable
    after: ElectionTable


@dataclass(frozen=True)
class Difference:
    """VIPs for which an apply changes the same: the combinations of the nodes' states, and how each ends
    before and after; None = nobody knows the VIP then. `alike` are those that end as before. `failures` is
    the most that fail at once in them."""

    vips: tuple[str, ...]
    nodes: tuple[str, ...]
    failures: int
    rows: tuple[tuple[States, Outcome | None, Outcome | None], ...]
    alike: tuple[States, ...] = ()
