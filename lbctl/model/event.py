"""What happens while something runs. Workflows yield events; a view shows them."""

from __future__ import annotations

from dataclasses import dataclass

from lbctl.model.plan import Step


@dataclass(frozen=True)
class Gathering:
    """The nodes are about to be read."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeGathered:
    node: str
    seconds: float


@dataclass(frozen=True)
class StepStarted:
    step: Step
    number: int
    of: int


@dataclass(frozen=True)
class StepDone:
    step: Step
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class StepFailed:
    """`evidence` are the daemons' own last lines, secrets masked."""

    step: Step
    seconds: float
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """Nodes took a change together: `spread` seconds between the first and the last, known to `error`."""

    nodes: tuple[str, ...]
    spread: float
    error: float


@dataclass(frozen=True)
class NodeUndone:
    """The node is (`good`) or is not back as it was."""

    node: str
    good: bool
    text: str


@dataclass(frozen=True)
class Stopping:
    """Ctrl-C was seen: the node under way is finished or undone, then the rollout stops."""

    node: str


@dataclass(frozen=True)
class ConnectionLost:
    """A new connection is tried for at most `seconds`."""

    node: str
    seconds: int
    text: str


@dataclass(frozen=True)
class Reconnected:
    """There is (`good`) or is no new connection after `seconds`."""

    node: str
    good: bool
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Unrecorded:
    """The workspace could not keep what happens; `text` says why. Said once, and the run goes on."""

    text: str


@dataclass(frozen=True)
class Probed:
    """What was asked until now, at the beginning and when more has failed. `outage` in seconds."""

    asked: int
    failed: int
    outage: float


Event = (
    Gathering
    | NodeGathered
    | StepStarted
    | StepDone
    | StepFailed
    | Taken
    | NodeUndone
    | Stopping
    | ConnectionLost
    | Reconnected
    | Unrecorded
    | Probed
)
