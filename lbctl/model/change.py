"""One difference between desired and live."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from lbctl.model.content import Content
from lbctl.model.effect import Effect, Impact, Scope, merged
from lbctl.model.resource import Address, Resource, Scalar


class Action(Enum):
    """What will be done about it, with its symbol in a plan."""

    CREATE = "+"
    UPDATE = "~"
    DELETE = "-"
    RESTORE = "<"  # the file that was there before lbctl is given back
    RECORD = "="  # live is as desired already: only the node's owner record changes
    FORGET = "."  # no longer owned; what is live stays
    RESTART = "!"  # a daemon begins anew with everything as it is; never beside another action
    UPGRADE = "^"  # a package is brought to another version, and its daemon begins anew; as with a restart
    RETIRE = "x"  # a node leaves the cluster: its daemons end, its files stay

    def __str__(self) -> str:
        return self.name.lower()

    @property
    def touches(self) -> bool:
        """Does it change anything but the owner record?"""
        return self not in (Action.RECORD, Action.FORGET)

    @property
    def begins_anew(self) -> bool:
        """Does a daemon begin anew with its files as they are, so that there is nothing to record?"""
        return self in (Action.RESTART, Action.UPGRADE)


class Standing(Enum):
    """Whose difference it is (the three-way table of the design)."""

    PENDING = "pending"
    DRIFT = "drift"
    BOTH = "both"
    RECORDED = "recorded"

    def __str__(self) -> str:
        return self.value

    @property
    def drifted(self) -> bool:
        return self in (Standing.DRIFT, Standing.BOTH)


@dataclass(frozen=True)
class Difference:
    """One attribute: live is `before`, desired is `after`, the last apply left `applied`."""

    attribute: str
    before: Scalar
    after: Scalar
    applied: Scalar
    standing: Standing


@dataclass(frozen=True)
class Change:
    """One resource's differences. Equality (and so staleness) is by everything but `desired` and `live`.

    `detail` says it in the configuration's own words, secrets masked; `note` is what a reader must know.
    """

    address: Address
    action: Action
    standing: Standing
    differences: tuple[Difference, ...]
    effects: tuple[Effect, ...] = ()
    scope: Scope = Scope.NODE
    detail: tuple[str, ...] = ()
    note: str = ""
    desired: Resource | None = field(default=None, compare=False, repr=False)
    live: Resource | None = field(default=None, compare=False, repr=False)

    @property
    def impact(self) -> Impact:
        return max((effect.impact for effect in merged(self.effects)), default=Impact.NONE)

    @property
    def before(self) -> Content | None:
        return self.live.content if self.live else None

    @property
    def after(self) -> Content | None:
        return self.desired.content if self.desired else None
