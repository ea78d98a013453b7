"""A plan: changes, the ordered steps that carry them out, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from lbctl.errors import Problem
from lbctl.model.change import Change
from lbctl.model.election import ElectionChange
from lbctl.model.finding import Finding
from lbctl.model.resource import Address
from lbctl.model.upgrade import Offer


class StepName(Enum):
    """What a step does; each has its module in rollout/."""

    INSTALL = "install"
    STAGE = "stage"
    DRAIN_SERVERS = "drain-servers"
    ARM = "arm"
    LISTEN = "listen"
    DRAIN = "drain"
    HANDOVER = "handover"
    UPGRADE = "upgrade"
    SWAP = "swap"
    TAKE = "take"
    VERIFY = "verify"
    UNDRAIN = "undrain"
    RETIRE = "retire"
    CONFIRM = "confirm"

    def __str__(self) -> str:
        return self.value

    @property
    def before_any_node_changes(self) -> bool:
        """Is it walked on all nodes before the first node is touched?"""
        return self in (StepName.INSTALL, StepName.STAGE, StepName.DRAIN_SERVERS)


@dataclass(frozen=True)
class Step:
    """One entry of the rollout. `text` says what happens and why, for a reader of the plan.

    Steps `together` are one unit: each is walked on all nodes at once, and what fails on one of them is
    undone on all.
    """

    name: StepName
    node: str
    text: str
    together: bool = False


class Role(Enum):
    """A node's part in VRRP when the plan was made."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    NONE = "no keepalived"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class NodeView:
    """One node in a plan. `fingerprint` digests what the plan was made from; equal = nothing has moved.

    `retired` = the cluster file does not name it any more, and this plan takes it out. `offers` are what its
    apt has of the packages that an upgrade was asked for.
    """

    node: str
    role: Role
    holds: tuple[str, ...]
    serial: int
    fingerprint: str
    retired: bool = False
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class Apart:
    """Whose is what of a daemon's file that was changed by hand, in the file's own words.

    Both are told from what the last apply left: `by_hand` what is on the node, `own` what the cluster file
    makes of it.
    """

    address: Address
    by_hand: tuple[str, ...]
    own: tuple[str, ...]


class Level(Enum):
    ERROR = "error"
    UNSAFE = "unsafe"
    WARNING = "warning"


@dataclass(frozen=True)
class Plan:
    """What would be done, where, in which order. A frozen value: evidence, never instructions.

    `findings` are lint's, of the cluster as it shall be. `election` is what the plan changes in who holds
    the VIPs when nodes or their HAProxys are dead. `apart` lacks a file of which nobody here knows how it was
    applied.
    """

    id: str
    cluster: str
    created: str
    digest: str
    nodes: tuple[NodeView, ...]
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...] = ()
    election: ElectionChange | None = None
    apart: tuple[Apart, ...] = ()

    @property
    def empty(self) -> bool:
        """Is there nothing to do, not even to record?"""
        return not self.changes

    @property
    def touches(self) -> bool:
        """Would anything change on a node but what lbctl records there?"""
        return any(change.action.touches for change in self.changes)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The nodes that an apply which was cut off left with its undo armed."""
        return tuple(p.text.partition(":")[0] for p in self.problems if p.code == "unfinished")

    def of(self, node: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.address.node == node)

    def refused(self, allowed: Collection[str]) -> tuple[Problem, ...]:
        """The problems that stand in the way of an apply: errors, and unsafe ones not allowed by code."""
        return tuple(p for p in self.problems if _stands(Level(p.level), p.code, allowed))


def _stands(level: Level, code: str, allowed: Collection[str]) -> bool:
    match level:
        case Level.ERROR:
            return True
        case Level.UNSAFE:
            return code not in allowed
        case Level.WARNING:
            return False
    assert_never(level)
