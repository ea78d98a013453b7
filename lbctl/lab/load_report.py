"""What a load run saw: counted as it happens, told as a frozen report."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT_FAILURES = 200  # failures that are told one by one


@dataclass(frozen=True)
class Failure:
    """One failed request. `at` is seconds since the run began; `what` is refused, reset, timeout, cut,
    garbled, unreachable or status-NNN."""

    at: float
    kind: str
    target: str
    what: str

    def __str__(self) -> str:
        return f"  {self.at:7.3f} s  {self.kind} {self.target}: {self.what}"


@dataclass(frozen=True)
class KindReport:
    """Requests of one kind. Latencies of the successful ones, in milliseconds."""

    requests: int
    failed: int
    p50: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True)
class LoadReport:
    """A run. A request has *failed* when it was refused, reset, timed out or cut short, or had a status other
    than 200; `errors` counts them by what they were.

    `closed_between`: kept-alive connections that the server closed before the next request's first byte; such
    a request was sent again on a new connection and counts by what became of it there. `longest_gap`: seconds
    without a successful answer over all clients, from the start to the end. `began` is seconds since the
    epoch. `failures`: the first KEPT_FAILURES.
    """

    began: float
    seconds: float
    clients: int
    requests: int
    failed: int
    closed_between: int
    longest_gap: float
    longest_gap_at: float
    p50: float
    p90: float
    p99: float
    errors: dict[str, int]
    kinds: dict[str, KindReport]
    failures: tuple[Failure, ...] = ()

    @property
    def succeeded(self) -> int:
        return self.requests - self.failed

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> LoadReport:
        """Raises ValueError for what `to_json` did not make."""
        data: dict[str, Any] = json.loads(text)
        kinds = {name: KindReport(**kind) for name, kind in data["kinds"].items()}
        failures = tuple(Failure(**failure) for failure in data["failures"])
        return cls(**{**data, "kinds": kinds, "failures": failures})

    def lines(self) -> list[str]:
        """The report for people."""
        rate = self.requests / self.seconds if self.seconds else 0.0
        errors = ", ".join(f"{count} {what}" for what, count in sorted(self.errors.items()))
        return [
            f"{self.requests} requests by {self.clients} clients in {self.seconds:.1f} s ({rate:.0f}/s)",
            f"failed: {self.failed}" + (f" ({errors})" if errors else ""),
            f"closed between requests, sent again: {self.closed_between}",
            f"longest gap: {self.longest_gap:.3f} s without an answer, at {self.longest_gap_at:.1f} s",
            f"latency ms: p50 {self.p50:.1f}  p90 {self.p90:.1f}  p99 {self.p99:.1f}",
            *(
                f"  {name}: {kind.requests} requests, {kind.failed} failed, p50 {kind.p50:.1f}"
                f"  p99 {kind.p99:.1f}  longest {kind.longest:.1f}"
                for name, kind in sorted(self.kinds.items())
            ),
            *map(str, self.failures[:20]),
        ]


@dataclass
class Tally:
    """What has been seen so far. Times are seconds on the run's own clock, 0 at its start."""

    latencies: dict[str, array[float]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    closed_between: int = 0
    requests: int = 0
    last_answer: float = 0.0
    longest_gap: float = 0.0
    longest_gap_at: float = 0.0

    def success(self, kind: str, now: float, seconds: float) -> None:
        self.requests += 1
        self.latencies.setdefault(kind, array("d")).append(seconds * 1000)
        self._gap(now)
        self.last_answer = now

    def failure(self, kind: str, target: str, now: float, what: str) -> None:
        self.requests += 1
        self.failed[kind] += 1
        self.errors[what] += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(Failure(round(now, 4), kind, target, what))

    def report(self, began: float, now: float, clients: int) -> LoadReport:
        self._gap(now)
        latencies = sorted(value for values in self.latencies.values() for value in values)
        kinds = {kind: self._kind(kind) for kind in {*self.latencies, *self.failed}}
        p50, p90, p99 = percentiles(latencies)
        return LoadReport(
            began=began,
            seconds=round(now, 3),
            clients=clients,
            requests=self.requests,
            failed=sum(self.failed.values()),
            closed_between=self.closed_between,
            longest_gap=round(self.longest_gap, 4),
            longest_gap_at=round(self.longest_gap_at, 3),
            p50=p50,
            p90=p90,
            p99=p99,
            errors=dict(self.errors),
            kinds=kinds,
            failures=tuple(self.failures),
        )

    def _kind(self, kind: str) -> KindReport:
        values = sorted(self.latencies.get(kind, ()))
        p50, p90, p99 = percentiles(values)
        failed = self.failed[kind]
        return KindReport(
            len(values) + failed, failed, p50, p90, p99, round(values[-1], 2) if values else 0.0
        )

    def _gap(self, now: float) -> None:
        if now - self.last_answer > self.longest_gap:
            self.longest_gap = now - self.last_answer
            self.longest_gap_at = self.last_answer


def percentiles(ordered: Sequence[float]) -> tuple[float, float, float]:
    """p50, p90 and p99 of ascending values by nearest rank; zeros of none."""
    if not ordered:
        return 0.0, 0.0, 0.0
    last = len(ordered) - 1
    p50, p90, p99 = (round(ordered[min(last, int(len(ordered) * share))], 2) for share in (0.5, 0.9, 0.99))
    return p50, p90, p99
