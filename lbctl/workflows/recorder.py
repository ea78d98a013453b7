"""A run's evidence: one more listener of its events, and what is kept of it at its end."""

from __future__ import annotations

import getpass
import platform
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

from lbctl import __version__
from lbctl.errors import LocalError
from lbctl.model.event import Event, StepFailed, Unrecorded
from lbctl.model.plan import Plan
from lbctl.model.record import RunRecord
from lbctl.model.report import ApplyReport, Exit
from lbctl.rollout.evidence import collect
from lbctl.rollout.run import Run
from lbctl.store.runs import RunFolder, Runs
from lbctl.workflows.plan import now
from lbctl.workflows.read import Emit

EventLine = Callable[[Event], str]
"""An event as one line of text."""


class Recorder:
    """Keeps a run while it goes on. Nothing of it stops the run: what cannot be kept is said, once."""

    def __init__(self, runs: Runs, folder: RunFolder, emit: Emit, line: EventLine) -> None:
        self.id = folder.record.id
        self._runs = runs
        self._folder = folder
        self._emit = emit
        self._line = line
        self._began = time.monotonic()
        self._failures: list[StepFailed] = []
        self._told = False
        self._mutex = Lock()

    def event(self, event: Event) -> None:
        """Pass an event on, and keep it; from any thread. What is kept has the order of what is shown."""
        with self._mutex:
            self._emit(event)
            if isinstance(event, StepFailed):
                self._failures.append(event)
            self.attempt(lambda: self._folder.event(self._line(event)))

    def end(self, run: Run, report: ApplyReport) -> None:
        """Keep the report, and of a run that did not end well what its nodes say of it."""
        self.attempt(lambda: self._folder.report(report))
        if report.code is not Exit.DONE:
            self._collect(run, [node.node for node in report.nodes if not node.reached])
        self.attempt(self._runs.prune)

    def _collect(self, run: Run, lost: list[str]) -> None:
        found = collect(run, self._failures, lost, time.monotonic() - self._began)
        for name, text in found.files.items():
            self.attempt(partial(self._folder.keep, name, text))
        if found.missing:
            self.attempt(lambda: self._folder.keep("missing.txt", "\n".join(found.missing) + "\n"))

    def attempt(self, write: Callable[[], None]) -> None:
        """Write something to the workspace. The first time that fails it is an event, and that is all."""
        try:
            write()
        except LocalError as error:
            if not self._told:
                self._told = True
                self._emit(Unrecorded(": ".join(filter(None, (error.summary, error.detail)))))


def operator() -> str:
    """Who runs lbctl, and where."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


@contextmanager
def recording(
    runs: Runs, what: str, plan: Plan, text: str, emit: Emit, line: EventLine
) -> Iterator[Recorder]:
    """Record a run of a plan. `what` is the command, `text` the cluster file's.

    Raises LocalError when the workspace cannot be written: nothing was touched yet, and that is mended soon.
    """

    def record(name: str) -> RunRecord:
        return RunRecord(
            name,
            what,
            plan.cluster,
            plan.id,
            operator(),
            now(),
            __version__,
            platform.python_version(),
            tuple(view.node for view in plan.nodes),
        )

    folder = runs.begin(record, plan, text)
    try:
        yield Recorder(runs, folder, emit, line)
    finally:
        folder.close()
