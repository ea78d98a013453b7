"""What is asked while a rollout walks, and what the clients would have noticed of it."""

from __future__ import annotations

from dataclasses import dataclass

ANSWERED = "ok"
CLOSED = "closed"
"""What becomes of a request, beside the failures: refused, reset, timeout, garbled, status-502 to 504.

CLOSED is a kept-alive connection that was closed before the next answer's first byte: clients ask again.
"""


NODES, LOCAL, NOBODY = "nodes", "local", "none"


@dataclass(frozen=True)
class Asking:
    """Who asks: a node, this machine, or nobody. After more than `most` seconds of outage it ends."""

    source: str = NODES
    most: float | None = None


ASKED_BY_NODES = Asking()


@dataclass(frozen=True)
class Target:
    """A port that is asked: with a request of HTTP, or by a connection alone."""

    address: str
    port: int
    http: bool

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Sample:
    """One request. Times are seconds, all on one clock."""

    target: Target
    began: float
    ended: float
    outcome: str

    @property
    def failed(self) -> bool:
        return self.outcome not in (ANSWERED, CLOSED)


@dataclass(frozen=True)
class Figures:
    """`asked` requests, of which so many `failed`; `closed` counts connections, see CLOSED.

    `longest_gap` is the longest time that a port did not answer: from the asking of its first request that
    failed to the asking of the next one that did not.
    """

    asked: int = 0
    failed: int = 0
    closed: int = 0
    longest_gap: float = 0.0


@dataclass(frozen=True)
class StepFigures:
    """Of what was asked while a step was under way, or after it and before the next. `step` is "undo" too.

    A gap counts where it began.
    """

    step: str
    nodes: tuple[str, ...]
    figures: Figures


@dataclass(frozen=True)
class FailedRequest:
    """`at` is in seconds since the rollout began."""

    at: float
    port: str
    what: str


@dataclass(frozen=True)
class SilentPort:
    """A port that did not answer before a node was touched, and is left out of all figures."""

    port: str
    what: str


@dataclass(frozen=True)
class Outage:
    """What a rollout cost the clients, as far as it was seen.

    `outage` are the seconds in which one port at least did not answer, `most` how many were allowed. `blind`
    are those in which nobody asked. `places` are the nodes from which was asked, or "local". `ports` were
    asked. `failures` are the first of them. `off` says why nothing was asked, "" = it was.
    """

    figures: Figures = Figures()
    outage: float = 0.0
    most: float | None = None
    blind: float = 0.0
    ports: int = 0
    places: tuple[str, ...] = ()
    steps: tuple[StepFigures, ...] = ()
    silent: tuple[SilentPort, ...] = ()
    failures: tuple[FailedRequest, ...] = ()
    off: str = ""

    @property
    def too_long(self) -> bool:
        return self.most is not None and self.outage > self.most
