"""Walking the plan's steps: all nodes prepared and checked first, then turn by turn, stopping at the first
thing that is not right, with that turn's nodes undone and the others left alone.

A turn is one node's, or that of all nodes which take something together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby

from lbctl.errors import NodeError
from lbctl.model.event import NodeUndone, StepDone, StepFailed, StepStarted, Stopping
from lbctl.model.plan import Step, StepName
from lbctl.rollout import (
    arm,
    confirm,
    drain,
    install,
    listen,
    retire,
    servers,
    stage,
    swap,
    take,
    upgrade,
    verify,
)
from lbctl.rollout.reconnect import AT_REST, in_touch
from lbctl.rollout.run import Run
from lbctl.rollout.undo import undo
from lbctl.rollout.undo_together import undo_together

Do = Callable[[Run, str], str]


@dataclass(frozen=True)
class Walked:
    """How far it came. `error` is what stopped it; `undone` are that turn's nodes: is each as it was before?

    `touched` = a node was changed, whether that stands or was undone.
    """

    touched: bool
    error: NodeError | None = None
    undone: Mapping[str, bool] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def back(self) -> bool:
        return all(self.undone.values())

    @property
    def lost(self) -> tuple[str, ...]:
        """The nodes that are not as they were."""
        return tuple(node for node, back in self.undone.items() if not back)


ACTIONS: Mapping[StepName, Do] = {
    StepName.INSTALL: install.do,
    StepName.STAGE: stage.do,
    StepName.DRAIN_SERVERS: servers.do,
    StepName.ARM: arm.do,
    StepName.LISTEN: listen.do,
    StepName.DRAIN: drain.drain,
    StepName.HANDOVER: drain.handover,
    StepName.UPGRADE: upgrade.do,
    StepName.SWAP: swap.do,
    StepName.TAKE: take.do,
    StepName.VERIFY: verify.do,
    StepName.UNDRAIN: drain.undrain,
    StepName.RETIRE: retire.do,
    StepName.CONFIRM: confirm.do,
}
"""What carries a step out, for a run and a node: says what happened, or raises NodeError."""
assert set(ACTIONS) == set(StepName), "a step that nothing carries out"


def walk(run: Run) -> Walked:
    """Carry the plan out. Every node's lock is held by the caller."""
    numbers = {step: number for number, step in enumerate(run.plan.steps, 1)}
    first = [step for step in run.plan.steps if step.name.before_any_node_changes]
    rest = [step for step in run.plan.steps if not step.name.before_any_node_changes]
    installed = any(step.name is StepName.INSTALL for step in first)
    for name in (StepName.INSTALL, StepName.STAGE, StepName.DRAIN_SERVERS):
        if name is StepName.DRAIN_SERVERS and run.prober:
            run.prober.baseline()  # nothing until now was for clients to notice
        failure = _everywhere(run, [step for step in first if step.name is name], numbers)
        if failure is not None:
            return _stopped(run, Walked(touched=installed, error=failure))
    for _, turn in groupby(rest, key=lambda step: "" if step.together else step.node):
        steps = list(turn)
        walked = _turn(run, steps, numbers)
        if walked is not None:
            return _stopped(run, replace(walked, touched=walked.touched or installed))
    return Walked(touched=True)


def _stopped(run: Run, walked: Walked) -> Walked:
    """What other nodes have for turns that do not come any more goes."""
    _unstage(run)
    lost = {node: back for node, back in _given_back(run, sorted(run.waiting)).items() if not back}
    return replace(walked, undone={**walked.undone, **lost})


def _everywhere(run: Run, steps: Sequence[Step], numbers: dict[Step, int]) -> NodeError | None:
    """The same step on all nodes at once; the first failure in the plan's order."""
    if not steps:
        return None
    with ThreadPoolExecutor(max_workers=len(steps)) as pool:
        failures = list(pool.map(lambda step: _step(run, step, numbers), steps))
    return next((failure for failure in failures if failure is not None), None)


def _turn(run: Run, steps: Sequence[Step], numbers: dict[Step, int]) -> Walked | None:
    """One node's turn, or the unit's. None = it is done; otherwise the rollout ends here."""
    nodes = tuple(dict.fromkeys(step.node for step in steps))
    if run.interrupted():
        return Walked(touched=bool(run.done), interrupted=True)
    if steps[0].together:
        run.begin_together(nodes)
    else:
        run.begin(nodes[0])
    armed = False
    for name, same in groupby(steps, key=lambda step: step.name):
        if run.interrupted() and name is not StepName.CONFIRM and run.under_way.isdisjoint(nodes):
            run.emit(Stopping(", ".join(nodes)))
            undone = _undo(run, nodes) if armed else {}
            lost = {node: back for node, back in undone.items() if not back}
            return Walked(armed or bool(run.done), undone=lost, interrupted=True)
        armed = armed or name is StepName.ARM
        failure = _carry_out(run, name, list(same), numbers)
        if failure is not None:
            undone = _undo(run, nodes) if armed else {failure.node: True}
            return Walked(armed or bool(run.done), error=failure, undone=undone)
    run.unit = None
    return None


def _carry_out(run: Run, name: StepName, steps: Sequence[Step], numbers: dict[Step, int]) -> NodeError | None:
    try:
        run.keep_budget(steps[0].node)  # here for all of them: a confirm waits for the other nodes'
    except NodeError as error:
        run.emit(StepFailed(steps[0], 0.0, error.summary))
        return error
    if name is not StepName.TAKE:
        return _everywhere(run, steps, numbers)
    take.choose_instant(run)
    failure = _everywhere(run, steps, numbers)
    if failure is None:
        run.emit(take.taken(run))
    return failure


def _step(run: Run, step: Step, numbers: dict[Step, int]) -> NodeError | None:
    began = time.monotonic()
    run.emit(StepStarted(step, numbers[step], len(numbers)))
    run.steps[step.node] = str(step.name)
    try:
        text = ACTIONS[step.name](run, step.node)
    except NodeError as error:
        run.emit(StepFailed(step, time.monotonic() - began, error.summary, (error.detail or "",)))
        return error
    run.emit(StepDone(step, time.monotonic() - began, text))
    return None


def _undo(run: Run, nodes: Sequence[str]) -> dict[str, bool]:
    """By node: is it as it was?"""
    return _said(run, undo_together(run)) if run.unit else _given_back(run, nodes)


def _given_back(run: Run, nodes: Sequence[str]) -> dict[str, bool]:
    return _said(run, {node: undo(run, node) for node in nodes})


def _said(run: Run, found: Mapping[str, tuple[bool, str]]) -> dict[str, bool]:
    for node, (good, text) in found.items():
        run.emit(NodeUndone(node, good, text))
    return {node: good for node, (good, _) in found.items()}


def _unstage(run: Run) -> None:
    """Candidates hold secrets: they go wherever the rollout ends. A node that is gone keeps its own."""
    for node in _staged(run):
        try:
            in_touch(run, node, AT_REST)
            stage.undo(run, node)
        except NodeError:
            continue  # the node is reported already, and its candidates lie in root's own folder


def _staged(run: Run) -> Iterator[str]:
    for step in run.plan.steps:
        ended = step.node in run.done and step.node not in run.awaiting
        if step.name is StepName.STAGE and not ended:
            yield step.node
