"""The outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lbctl.model.change import Change, Difference
from lbctl.model.facts import DrainRecord
from lbctl.model.outage import Outage


class Exit(IntEnum):
    """lbctl's exit codes. Usage errors are ERROR too."""

    DONE = 0
    ERROR = 1
    CHANGES = 2  # plan --detailed-exitcode
    DRIFT = 2  # drift
    STOPPED = 3  # apply: stopped, every node serving
    PENDING = 3  # drift
    NEEDS_PERSON = 4  # apply: stopped, a node needs a person
    UNKNOWN = 4  # drift


CHANGED = "changed"
"""What has become of a node that an apply was confirmed on; perhaps only its record."""
UNREACHABLE = "unreachable"
"""The role of a node that could not be read after a run."""


@dataclass(frozen=True)
class PackageOutcome:
    """The version of a package before a run, and after it; "" = none, or it could not be asked."""

    package: str
    before: str
    after: str


@dataclass(frozen=True)
class NodeOutcome:
    """Where a node stands after a run. `what` is changed, restarted, upgraded, retired, unchanged, undone or
    failed. `packages` are those of an upgrade.
    """

    node: str
    serial: int
    role: str
    serving: bool
    what: str
    packages: tuple[PackageOutcome, ...] = ()

    @property
    def reached(self) -> bool:
        return self.role != UNREACHABLE


@dataclass(frozen=True)
class ApplyReport:
    """`run` is the id under which its evidence is kept, "" = nothing was begun; then there is no `outage`."""

    plan: str
    code: Exit
    seconds: float
    nodes: tuple[NodeOutcome, ...]
    summary: str
    advice: tuple[str, ...] = ()
    run: str = ""
    outage: Outage | None = None


UNLOADED = "unloaded"
"""On disk, and the daemon runs without it."""
HOLDERS = "holders"
"""A VIP is on two nodes, on none, or was left behind."""
COUNTERS = "counters"
"""A node refuses adverts."""
DIFFERS = "differs"
"""A node is not like the others."""
OPERATIONAL = "operational"
"""As it runs now: worth knowing."""

CODES = {
    "drift": Exit.DRIFT,
    UNLOADED: Exit.DRIFT,
    HOLDERS: Exit.DRIFT,
    COUNTERS: Exit.DRIFT,
    "unknown": Exit.UNKNOWN,
    "pending": Exit.PENDING,
}
"""What a finding of drift's makes the exit code; of any other nothing has to be done."""


@dataclass(frozen=True)
class DriftItem:
    """One finding. `what` it is: drift, pending, unknown, note, or one of those above."""

    node: str
    what: str
    address: str
    differences: tuple[Difference, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class DriftReport:
    cluster: str
    items: tuple[DriftItem, ...]
    changes: tuple[Change, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def code(self) -> Exit:
        """The highest of 2 drift, 4 unknown, 3 pending; 0 when there is nothing to say, or to know alone.

        Error (1) is an exception and never gets here. By severity, not by number: a cluster that drifted
        exits 2 even when something is pending too.
        """
        found = {CODES.get(item.what, Exit.DONE) for item in self.items}
        return next((code for code in (Exit.DRIFT, Exit.UNKNOWN, Exit.PENDING) if code in found), Exit.DONE)


@dataclass(frozen=True)
class Held:
    """Where a VIP is: `nodes` are those that have it, none = none of those that could be read."""

    vip: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class DrainReport:
    """The outcome of drain and undrain. `record` says until when; None = the node is not drained (any more).

    `unread` are the nodes that could not be asked: what is said of the VIPs is said without them. `how` the
    VIPs moved. Of what was not touched there is no `outage`.
    """

    node: str
    changed: bool
    record: DrainRecord | None
    vips: tuple[Held, ...]
    unread: tuple[str, ...] = ()
    how: str = ""
    outage: Outage | None = None


@dataclass(frozen=True)
class HandoverReport:
    """The outcome of handover. `given` are the VIPs that the node held; none = there was nothing to give.

    `unread`, `how` and `outage` as in DrainReport.
    """

    node: str
    given: tuple[str, ...]
    vips: tuple[Held, ...]
    unread: tuple[str, ...] = ()
    how: str = ""
    outage: Outage | None = None


@dataclass(frozen=True)
class ForgetReport:
    """The outcome of node forget. `written` are the nodes whose records named it until now.

    `unread` are those that could not be asked: their records may name it still.
    """

    node: str
    address: str
    written: tuple[str, ...]
    unread: tuple[str, ...] = ()
