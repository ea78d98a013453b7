"""The view for programs: one document a command; for apply one event a line, the report last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO, assert_never

from lbctl.errors import LbctlError, Problem
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
from lbctl.model.plan import Plan
from lbctl.model.record import KeptRun, Pack
from lbctl.model.report import ApplyReport, DrainReport, DriftReport, ForgetReport, HandoverReport
from lbctl.views.escape import plain_unicode, shown_lines
from lbctl.views.json_election import election_form, moved_form
from lbctl.views.json_forms import (
    Json,
    drain_form,
    drift_form,
    error_form,
    forget_form,
    handover_form,
    pack_form,
    plan_form,
    problem_form,
    report_form,
    run_form,
    status_form,
    step_form,
)
from lbctl.views.json_import import import_form, merge_form, proposal_form
from lbctl.views.json_lint import lint_form, rule_form
from lbctl.views.outlet import to_nowhere
from lbctl.views.view import NodeStatus

FORMAT_VERSION = 1
"""Of every document and line. Keys are added without a new one; it rises when one changes or goes."""


class JsonView:
    """Documents and lines on `out`, errors and warnings as lines on `err`. ASCII alone: safe on any terminal.

    `events`: show them, one a line (apply); without, a command writes one document.
    """

    def __init__(self, out: TextIO, err: TextIO, *, events: bool = False) -> None:
        self.out = out
        self.err = err
        self.events = events

    def plan(self, plan: Plan, *, text: bool = False) -> None:
        form = {**plan_form(plan, text=text), "election": moved_form(plan.election)}
        if self.events:
            self._write(_timed({"event": "planned", **form}), self.out)
        else:
            self._document("plan", form)

    def event(self, event: Event) -> None:
        if self.events:
            self._write(event_line(event), self.out)

    def report(self, report: ApplyReport) -> None:
        self._write(_timed({"event": "report", **report_form(report)}), self.out)

    def drift(self, report: DriftReport, *, text: bool = False) -> None:
        self._document("drift", drift_form(report, text=text))

    def status(self, cluster: str, nodes: NodeStatus, vips: Sequence[str], notes: Mapping[str, str]) -> None:
        self._document("status", status_form(cluster, nodes, vips, notes))

    def election(self, cluster: str, table: ElectionTable) -> None:
        self._document("election", {"cluster": cluster, **election_form(table)})

    def drained(self, report: DrainReport) -> None:
        self._document("drain", drain_form(report))

    def handed_over(self, report: HandoverReport) -> None:
        self._document("handover", handover_form(report))

    def runs(self, runs: Sequence[KeptRun]) -> None:
        self._document("runs", {"runs": [run_form(run) for run in runs]})

    def packed(self, pack: Pack) -> None:
        self._document("pack", pack_form(pack))

    def imported(self, adoption: Adoption) -> None:
        self._document("import", import_form(adoption))

    def merged(self, files: Sequence[Merged]) -> None:
        self._document("merge", merge_form(files))

    def proposed(self, proposal: Proposed) -> None:
        self._document("services", proposal_form(proposal))

    def forgotten(self, report: ForgetReport) -> None:
        self._document("forget", forget_form(report))

    def problems(self, problems: Sequence[Problem]) -> None:
        self._document("problems", {"problems": [problem_form(problem) for problem in problems]})

    def findings(self, report: LintReport) -> None:
        self._document("lint", lint_form(report))

    def rules(self, rules: Sequence[Rule], *, whole: bool) -> None:
        self._document("codes", {"codes": [rule_form(one) for one in rules]})

    def warnings(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self._line(problem_form(problem), self.err)

    def error(self, error: LbctlError) -> None:
        self._line(error_form(error), self.err)

    def note(self, text: str) -> None:
        self._line({"note": plain_unicode(text)}, self.err)

    def raw(self, data: bytes) -> None:
        self._document("file", {"lines": list(shown_lines(data))})

    def close(self) -> None:
        self.out.flush()

    def _document(self, what: str, form: Mapping[str, Json]) -> None:
        form = {"format_version": FORMAT_VERSION, "document": what, **form}
        self._write(json.dumps(form, indent=2), self.out)

    def _line(self, form: Mapping[str, Json], stream: TextIO) -> None:
        self._write(json.dumps({"format_version": FORMAT_VERSION, **form}), stream)

    def _write(self, text: str, stream: TextIO) -> None:
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            to_nowhere(stream)


def event_line(event: Event) -> str:
    """An event as one line, with the time of now."""
    return _timed(_event(event))


def _timed(form: Mapping[str, Json]) -> str:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"format_version": FORMAT_VERSION, "time": time, **form})


def _event(event: Event) -> Mapping[str, Json]:
    match event:
        case Gathering():
            return {"event": "gathering", "nodes": list(event.nodes)}
        case NodeGathered():
            return {"event": "gathered", "node": event.node, "seconds": event.seconds}
        case StepStarted() | StepDone() | StepFailed():
            return _step(event)
        case Taken():
            nodes = list(event.nodes)
            return {"event": "taken", "nodes": nodes, "spread": event.spread, "error": event.error}
        case NodeUndone():
            return {
                "event": "undone",
                "node": event.node,
                "good": event.good,
                "said": plain_unicode(event.text),
            }
        case Stopping():
            return {"event": "stopping", "node": event.node}
        case ConnectionLost() | Reconnected():
            return _link(event)
        case Unrecorded():
            return {"event": "unrecorded", "said": plain_unicode(event.text)}
        case Probed():
            return {
                "event": "probed",
                "asked": event.asked,
                "failed": event.failed,
                "outage": event.outage,
            }
        case _:
            assert_never(event)


def _step(event: StepStarted | StepDone | StepFailed) -> Mapping[str, Json]:
    form = step_form(event.step)
    match event:
        case StepStarted():
            return {"event": "started", **form, "number": event.number, "of": event.of}
        case StepDone():
            return {"event": "done", **form, **_said(event)}
        case StepFailed():
            evidence = [plain_unicode(words) for words in event.evidence]
            return {"event": "failed", **form, **_said(event), "evidence": evidence}


def _said(event: StepDone | StepFailed) -> Mapping[str, Json]:
    return {"seconds": event.seconds, "said": plain_unicode(event.text)}


def _link(event: ConnectionLost | Reconnected) -> Mapping[str, Json]:
    form = {"node": event.node, "seconds": event.seconds, "said": plain_unicode(event.text)}
    if isinstance(event, ConnectionLost):
        return {"event": "lost", **form}
    return {"event": "reconnected", "good": event.good, **form}
