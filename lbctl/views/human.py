"""The view for a person: colours and redrawn lines on a terminal, plain unbroken lines without one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO, assert_never

from rich.console import Console
from rich.text import Text

from lbctl.errors import InputError, LbctlError, Problem
from lbctl.model.adoption import Adoption, Merged, Proposed
from lbctl.model.election import ElectionTable
from lbctl.model.event import (
    ConnectionLost,
    Event,
    Gathering,
    NodeGathered,
    NodeUndone,
    Probed,
    Reconnected,
    StepDone,
    StepFailed,
    StepStarted,
    Stopping,
    Taken,
    Unrecorded,
)
from lbctl.model.finding import LintReport, Rule
from lbctl.model.plan import Plan, Step
from lbctl.model.record import KeptRun, Pack
from lbctl.model.report import ApplyReport, DrainReport, DriftReport, ForgetReport, HandoverReport
from lbctl.views.escape import shown_lines
from lbctl.views.human_election import election_lines
from lbctl.views.human_import import import_lines, merge_lines, proposal_lines
from lbctl.views.human_lint import finding_lines, rule_lines
from lbctl.views.human_plan import plan_lines
from lbctl.views.human_report import (
    drain_lines,
    drift_lines,
    forget_lines,
    handover_lines,
    report_lines,
    status_lines,
)
from lbctl.views.human_runs import pack_lines, run_lines
from lbctl.views.line import Line, Part, count, error_lines, line, names, problem_lines, seconds
from lbctl.views.outlet import to_nowhere
from lbctl.views.progress import Progress, step_head
from lbctl.views.view import NodeStatus


class HumanView:
    """Values on `out`, warnings, errors and the progress of reading on `err`."""

    def __init__(self, out: TextIO, err: TextIO, *, color: bool = True, width: int | None = None) -> None:
        self.out = _console(out, color, width)
        self.err = _console(err, color, width)
        self.progress = Progress(self.out)
        self.reading = Progress(self.err)
        self.after_plan = False

    def plan(self, plan: Plan, *, text: bool = False) -> None:
        self._print(plan_lines(plan, text=text))
        self.after_plan = True

    def event(self, event: Event) -> None:
        match event:
            case Gathering():
                self.reading.read(event.nodes)
            case NodeGathered():
                self.reading.was_read(event.node)
            case StepStarted():
                self.reading.close()
                self.progress.start(event)
            case StepDone():
                done = (f"done {seconds(event.seconds)}", "green")
                self._over(event.step, event.text or event.step.text, done)
            case StepFailed():
                self._failed(event)
            case Taken() | Stopping() | Unrecorded():
                self._print([_remark(event)])
            case NodeUndone():
                self._undone(event)
            case ConnectionLost() | Reconnected():
                self._link(event)
            case Probed():
                self.progress.probed(event.failed)
            case _:
                assert_never(event)

    def report(self, report: ApplyReport) -> None:
        self._print(report_lines(report))

    def drift(self, report: DriftReport, *, text: bool = False) -> None:
        if report.items or self.out.is_terminal:
            self._print(drift_lines(report, text=text))

    def status(self, cluster: str, nodes: NodeStatus, vips: Sequence[str], notes: Mapping[str, str]) -> None:
        self._print(status_lines(cluster, nodes, vips, notes))

    def election(self, cluster: str, table: ElectionTable) -> None:
        self._print(election_lines(cluster, table))

    def drained(self, report: DrainReport) -> None:
        self._print(drain_lines(report))

    def handed_over(self, report: HandoverReport) -> None:
        self._print(handover_lines(report))

    def runs(self, runs: Sequence[KeptRun]) -> None:
        self._print(run_lines(runs))

    def packed(self, pack: Pack) -> None:
        self._print(pack_lines(pack))

    def imported(self, adoption: Adoption) -> None:
        self._print(import_lines(adoption))

    def merged(self, files: Sequence[Merged]) -> None:
        self._print(merge_lines(files))

    def proposed(self, proposal: Proposed) -> None:
        self._print(proposal_lines(proposal))

    def forgotten(self, report: ForgetReport) -> None:
        self._print(forget_lines(report))

    def problems(self, problems: Sequence[Problem]) -> None:
        self._print(problem_lines(problems))
        errors = sum(problem.level == "error" for problem in problems)
        self._print(
            [line((f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}.", "bold"))]
        )

    def findings(self, report: LintReport) -> None:
        self._print(finding_lines(report))

    def rules(self, rules: Sequence[Rule], *, whole: bool) -> None:
        self._print(rule_lines(rules, whole=whole))

    def warnings(self, problems: Sequence[Problem]) -> None:
        self._print(problem_lines(problems), self.err)

    def error(self, error: LbctlError) -> None:
        if isinstance(error, InputError):
            self._print(problem_lines(error.problems), self.err)
            self._print([line(error.summary, head=(("Error: ", "bold red"),))], self.err)
        else:
            self._print(error_lines(error), self.err)

    def note(self, text: str) -> None:
        self._print([line(text)])

    def raw(self, data: bytes) -> None:
        stream = self.out.file
        binary = getattr(stream, "buffer", None)
        if binary is not None and not self.out.is_terminal:
            stream.flush()
            binary.write(data)
            binary.flush()
        else:
            self._print([line(words, wrap=False) for words in shown_lines(data)])

    def close(self) -> None:
        self.progress.close()
        self.reading.close()

    def _over(self, step: Step, said: str, outcome: Part) -> None:
        """What was done takes the place of what was to be done: the plan is on the screen already."""
        started = self.progress.end(step)
        if self.after_plan:
            self._print([line()])
            self.after_plan = False
        self._print([line(said, " … ", outcome, head=step_head(step, started))])

    def _failed(self, event: StepFailed) -> None:
        self._over(event.step, event.step.text, (f"FAILED after {seconds(event.seconds)}", "bold red"))
        self._print([line((event.text, "red"), head=("      ",))])
        said = "\n".join(event.evidence).split("\n") if event.evidence else []
        self._print(line((words, "dim"), head=("      | ",)) for words in said)

    def _undone(self, event: NodeUndone) -> None:
        state = ("back as it was", "green") if event.good else ("NOT back as it was", "bold red")
        self._print([line((event.node, "cyan"), "  ", state, f"  {event.text}" if event.text else "")])

    def _link(self, event: ConnectionLost | Reconnected) -> None:
        if isinstance(event, ConnectionLost):
            self._lost(event)
        else:
            self._reconnected(event)

    def _lost(self, event: ConnectionLost) -> None:
        lost = ("its connection is lost", "bold yellow")
        wait = f"waiting for a new one, at most {seconds(event.seconds)}; Ctrl-C ends that"
        self._print([line((event.node, "cyan"), "  ", lost, f" ({event.text}): {wait}")])
        self.progress.wait(event)

    def _reconnected(self, event: Reconnected) -> None:
        self.progress.waited(event.node)
        found = ("connected again", "green") if event.good else ("not connected again", "bold red")
        said = f": {event.text}" if event.text else ""
        self._print([line((event.node, "cyan"), "  ", found, f" after {seconds(event.seconds)}{said}")])

    def _print(self, lines: Iterable[Line], console: Console | None = None) -> None:
        self.reading.close()
        target = console or self.out
        for each in lines:
            for words in _wrapped(each, target):
                words.rstrip()
                target.print(words, soft_wrap=True)


def _remark(event: Taken | Stopping | Unrecorded) -> Line:
    if isinstance(event, Stopping):
        return line((f"Stopping: {event.node} is finished or undone first.", "bold yellow"))
    if isinstance(event, Unrecorded):
        return line((f"What happens cannot be kept: {event.text}", "yellow"))
    spread, error = event.spread * 1000, max(event.error * 1000, 0.1)
    return line(f"Taken by {names(event.nodes)} within {spread:.0f} ms (clocks known to {error:.1f} ms).")


class LastingConsole(Console):
    """A console that outlives its reader; rich's own would end the program in the middle of a step."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        to_nowhere(self.file)


def _console(stream: TextIO, color: bool, width: int | None) -> Console:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a C locale shows what it can, and stops nothing
    return LastingConsole(
        file=stream,
        no_color=None if color else True,  # None: rich asks NO_COLOR
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )


def _wrapped(each: Line, console: Console) -> Iterable[Text]:
    """The line as it is printed: as it stands without a terminal, else wrapped beside its head."""
    indent = each.head.cell_len
    room = console.width - indent - each.hang
    if not (each.wrap and console.is_terminal) or room < 20 or indent + each.body.cell_len <= console.width:
        return [each.head + each.body]
    first, *rest = each.body.wrap(console, room, overflow="fold")
    return [each.head + first, *(Text(" " * (indent + each.hang)) + words for words in rest)]
