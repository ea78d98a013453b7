"""What drift asks beside a node's facts: what the daemons have loaded, and what was set while they run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Noted(Enum):
    """What lbctl noted on the node of the process that runs now: it has read the file as it is, or otherwise.

    UNKNOWN = lbctl took the file up as it was, and the process had begun before it was written. NONE =
    nothing: the process began after the last apply.
    """

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True)
class Loaded:
    """A file that `unit` reads; or the unit's own files (`how` = unit), or its program, named only where
    systemd, or the process, has another one.

    `how` is what makes the daemon read it: reload or restart. `read` and `written` are in seconds since the
    epoch, by the node's clock of now: when the process read its files, and when this one was touched last.
    """

    unit: str
    how: str
    path: str
    read: float
    written: float
    noted: Noted


@dataclass(frozen=True)
class SetByHand:
    """A server as `show servers state` has it, that an operator or a program has set at run time.

    `weight` is the one of now, `initial` the one of the file.
    """

    backend: str
    server: str
    maint: bool
    drain: bool
    weight: int
    initial: int


@dataclass(frozen=True)
class InForce:
    """A kernel setting that a managed file of sysctl's names: what a boot would set, and what it is now."""

    path: str
    key: str
    boot: str
    live: str


@dataclass(frozen=True)
class Layers:
    """Of one node. `servers`: None where HAProxy could not be asked. `versions`: by package."""

    loaded: tuple[Loaded, ...] = ()
    servers: tuple[SetByHand, ...] | None = None
    versions: tuple[tuple[str, str], ...] = ()
    sysctls: tuple[InForce, ...] = ()
