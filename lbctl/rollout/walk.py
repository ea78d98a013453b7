"""Walking the plan's steps: all nodes prepared and checked first, then node by node, stopping at the first
thing that is not right, with that node undone and the others left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

from lbctl.errors import NodeError
from lbctl.model.event import NodeUndone, StepDone, StepFailed, StepStarted, Stopping
from lbctl.model.plan import Step, StepName
from lbctl.rollout import arm, confirm, drain, install, retire, stage, swap, verify
from lbctl.rollout.reconnect import AT_REST, in_touch
from lbctl.rollout.run import Run
from lbctl.rollout.undo import undo

Do = Callable[[Run, str], str]


@dataclass(frozen=True)
class Walked:
    """How far it came. `failed` is the node that stopped it, `back` whether that node is as it was before.

    `touched` = a node was changed, whether that stands or was undone.
    """

    touched: bool
    failed: str = ""
    error: NodeError | None = None
    back: bool = True
    interrupted: bool = False


def action(name: StepName) -> Do:  # noqa: C901 - one case a step, and nothing else in any
    """The function that carries a step out: for a run and a node; says what happened or raises NodeError."""
    match name:
        case StepName.INSTALL:
            return install.do
        case StepName.STAGE:
            return stage.do
        case StepName.ARM:
            return arm.do
        case StepName.DRAIN:
            return drain.drain
        case StepName.HANDOVER:
            return drain.handover
        case StepName.SWAP:
            return swap.do
        case StepName.VERIFY:
            return verify.do
        case StepName.UNDRAIN:
            return drain.undrain
        case StepName.RETIRE:
            return retire.do
        case StepName.CONFIRM:
            return confirm.do
    assert_never(name)


def walk(run: Run) -> Walked:
    """Carry the plan out. Every node's lock is held by the caller."""
    numbers = {step: number for number, step in enumerate(run.plan.steps, 1)}
    first = [step for step in run.plan.steps if step.name.before_any_node_changes]
    rest = [step for step in run.plan.steps if not step.name.before_any_node_changes]
    installed = any(step.name is StepName.INSTALL for step in first)
    for name in (StepName.INSTALL, StepName.STAGE):
        failure = _everywhere(run, [step for step in first if step.name is name], numbers)
        if failure is not None:
            _unstage(run)
            return Walked(touched=installed, error=failure)
    for node, steps in groupby(rest, key=lambda step: step.node):
        if run.interrupted():
            _unstage(run)
            return Walked(touched=installed or bool(run.done), interrupted=True)
        walked = _one(run, node, list(steps), numbers)
        if walked is not None:
            _unstage(run)
            return walked
    return Walked(touched=True)


def _everywhere(run: Run, steps: Sequence[Step], numbers: dict[Step, int]) -> NodeError | None:
    """The same step on all nodes at once; the first failure in the plan's order."""
    if not steps:
        return None
    with ThreadPoolExecutor(max_workers=len(steps)) as pool:
        failures = list(pool.map(lambda step: _step(run, step, numbers), steps))
    return next((failure for failure in failures if failure is not None), None)


def _one(run: Run, node: str, steps: Sequence[Step], numbers: dict[Step, int]) -> Walked | None:
    """One node's turn. None = it is done; otherwise the rollout ends here."""
    armed = False
    for step in steps:
        if run.interrupted() and step.name is not StepName.CONFIRM and node not in run.under_way:
            run.emit(Stopping(node))
            back = _undo(run, node) if armed else True
            touched = armed or bool(run.done)
            return Walked(touched=touched, failed="" if back else node, back=back, interrupted=True)
        failure = _step(run, step, numbers)
        armed = armed or step.name is StepName.ARM
        if failure is not None:
            back = _undo(run, node) if armed else True
            return Walked(touched=armed or bool(run.done), failed=node, error=failure, back=back)
    return None


def _step(run: Run, step: Step, numbers: dict[Step, int]) -> NodeError | None:
    began = time.monotonic()
    run.emit(StepStarted(step, numbers[step], len(numbers)))
    run.steps[step.node] = str(step.name)
    try:
        text = action(step.name)(run, step.node)
    except NodeError as error:
        run.emit(StepFailed(step, time.monotonic() - began, error.summary, (error.detail or "",)))
        return error
    run.emit(StepDone(step, time.monotonic() - began, text))
    return None


def _undo(run: Run, node: str) -> bool:
    good, text = undo(run, node)
    run.emit(NodeUndone(node, good, text))
    return good


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
        if step.name is StepName.STAGE and step.node not in run.done:
            yield step.node
