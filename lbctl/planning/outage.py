"""From requests to figures: how many failed, for how long a port did not answer, and in which step. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lbctl.model.outage import (
    ANSWERED,
    CLOSED,
    FailedRequest,
    Figures,
    Outage,
    Sample,
    SilentPort,
    StepFigures,
    Target,
)

_KEPT = 100  # failures that are told one by one

Item = TypeVar("Item")


@dataclass(frozen=True)
class Gap:
    """A target did not answer between these two moments."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class _Phase:
    """A step from its beginning to that of the next one, by the nodes that walk it."""

    began: float
    step: str
    nodes: list[str]


@dataclass
class Tally:
    """Everything that was seen of these targets since `began`. All times are seconds on one clock.

    Samples may come in any order. What came before a target's first answer counts for nothing, and targets
    that had none when the first node was about to be `touched` are silent: left out.
    """

    targets: Sequence[Target]
    began: float
    most: float | None = None
    touched: float = math.inf
    _samples: list[Sample] = field(default_factory=list)
    _failed: list[Sample] = field(default_factory=list)
    _answers: dict[Target, list[float]] = field(default_factory=lambda: defaultdict(list))
    _last: float = 0.0
    _phases: list[_Phase] = field(default_factory=list)
    _blind: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._blind.append((self.began, math.inf))

    def add(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._last = max(self._last, sample.ended)
        if sample.failed:
            self._failed.append(sample)
        elif sample.outcome == ANSWERED:
            insort(self._answers[sample.target], sample.began)

    def step(self, at: float, step: str, node: str) -> None:
        """A step begins; several nodes walk one at once."""
        last = self._phases[-1] if self._phases else None
        if last is not None and last.step == step:
            last.nodes += [node] if node not in last.nodes else []
        else:
            self._phases.append(_Phase(at, step, [node]))

    def sees(self, at: float) -> None:
        """From here on somebody asks."""
        began, _ = self._blind[-1]
        self._blind[-1] = (began, min(at, self._blind[-1][1]))

    def blind(self, at: float) -> None:
        """From here on nobody does."""
        if self._blind[-1][1] < math.inf:
            self._blind.append((at, math.inf))

    def heard_of_all(self) -> bool:
        """Was every target asked once, to an end?"""
        return {sample.target for sample in self._samples} >= set(self.targets)

    def failed(self) -> int:
        return sum(1 for _ in self._failures())

    def asked(self) -> int:
        return len(self._samples)

    def seconds(self) -> float:
        """For how long one target at least did not answer, all in all."""
        return sum(gap.seconds for gap in _joined(gap for gaps in self._gaps().values() for gap in gaps))

    def outage(self, now: float, places: Sequence[str]) -> Outage:
        """All of it, as it stands `now`."""
        gaps = [gap for found in self._gaps().values() for gap in found]
        counted = [sample for sample in self._samples if self._counts(sample)]
        failures = sorted((one for one in counted if one.failed), key=lambda one: one.began)
        # before anything answered nobody could have asked
        blind = sum(min(end, now) - start for start, end in self._blind[1:])
        return Outage(
            _figures(counted, gaps),
            round(self.seconds(), 2),
            self.most,
            round(max(blind, 0.0), 2),
            len(self.targets),
            tuple(places),
            tuple(self._by_step(counted, gaps)),
            tuple(self._silent()),
            tuple(
                FailedRequest(round(one.began - self.began, 2), str(one.target), one.outcome)
                for one in failures[:_KEPT]
            ),
        )

    def _counts(self, sample: Sample) -> bool:
        answers = self._answers.get(sample.target, [])
        return bool(answers) and answers[0] < self.touched and sample.began >= answers[0]

    def _failures(self) -> Iterator[Sample]:
        return (one for one in self._failed if self._counts(one))

    def _gaps(self) -> dict[Target, list[Gap]]:
        """Each from a failure to the next answer; where none came, to the last that was seen."""
        found: dict[Target, list[Gap]] = defaultdict(list)
        for one in self._failures():
            answers = self._answers[one.target]
            later = bisect_right(answers, one.began)
            end = answers[later] if later < len(answers) else self._last
            unseen = [start for start, _ in self._blind if one.began <= start]
            found[one.target].append(Gap(one.began, min([end, *unseen])))
        return {target: list(_joined(gaps)) for target, gaps in found.items()}

    def _by_step(self, counted: Sequence[Sample], gaps: Sequence[Gap]) -> Iterator[StepFigures]:
        starts = [phase.began for phase in self._phases]

        def phase_at(moment: float) -> int:
            return max(bisect_right(starts, moment) - 1, 0)

        samples = _split(counted, lambda sample: phase_at(sample.began))
        lost = _split(gaps, lambda gap: phase_at(gap.began))
        for number, phase in enumerate(self._phases):
            if number in samples:
                figures = _figures(samples[number], lost.get(number, ()))
                yield StepFigures(phase.step, tuple(phase.nodes), figures)

    def _silent(self) -> Iterator[SilentPort]:
        for target in self.targets:
            answers = self._answers.get(target)
            if not answers or answers[0] >= self.touched:
                said = [one.outcome for one in self._samples if one.target == target]
                yield SilentPort(str(target), said[0] if said else "not asked")


def _figures(samples: Sequence[Sample], gaps: Iterable[Gap]) -> Figures:
    return Figures(
        len(samples),
        sum(one.failed for one in samples),
        sum(one.outcome == CLOSED for one in samples),
        round(max((gap.seconds for gap in gaps), default=0.0), 2),
    )


def _joined(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """The same time without any moment twice."""
    now: Gap | None = None
    for gap in sorted(gaps, key=lambda one: one.began):
        if now is not None and gap.began <= now.ended:
            now = Gap(now.began, max(now.ended, gap.ended))
        else:
            if now is not None:
                yield now
            now = gap
    if now is not None:
        yield now


def _split(items: Iterable[Item], key: Callable[[Item], int]) -> dict[int, list[Item]]:
    found: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found
