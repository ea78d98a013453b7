"""The nouns as JSON values, with keys that stay. They are documented in docs/json.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lbctl.errors import InputError, LbctlError, NodeError, Problem
from lbctl.model.change import Change, Difference
from lbctl.model.effect import Effect, merged
from lbctl.model.facts import DrainRecord, Facts
from lbctl.model.finding import Finding
from lbctl.model.outage import Figures, Outage
from lbctl.model.plan import Apart, NodeView, Plan, Step
from lbctl.model.record import KeptRun, Pack
from lbctl.model.report import (
    ApplyReport,
    DrainReport,
    DriftItem,
    DriftReport,
    ForgetReport,
    HandoverReport,
    NodeOutcome,
)
from lbctl.model.upgrade import Offer
from lbctl.views.escape import plain_unicode
from lbctl.views.group import counted, rollout_order, text_diff
from lbctl.views.standing import standing
from lbctl.views.view import NodeStatus

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def plan_form(plan: Plan, *, text: bool = False) -> Mapping[str, Json]:
    """A plan; of contents only the diff as it may be shown, and only when asked for."""
    number = counted(plan.changes)
    return {
        "plan": plan.id,
        "cluster": plan.cluster,
        "created": plan.created,
        "digest": plan.digest,
        "nodes": [_node(view) for view in plan.nodes],
        "changes": [change_form(change, text=text) for change in plan.changes],
        "order": list(rollout_order(plan)),
        "impact": {
            node: _effects(e for c in plan.of(node) for e in c.effects) for node in rollout_order(plan)
        },
        "steps": [step_form(step) for step in plan.steps],
        "apart": [_apart(one) for one in plan.apart],
        "problems": [problem_form(problem) for problem in plan.problems],
        "findings": [finding_form(one) for one in plan.findings],
        "summary": {
            "create": number.create,
            "change": number.change,
            "delete": number.delete,
            "record": number.record,
            "restart": number.restart,
            "upgrade": number.upgrade,
            "retire": number.retire,
        },
    }


def change_form(change: Change, *, text: bool = False) -> Mapping[str, Json]:
    """One change on one node."""
    form: dict[str, Json] = {
        **_address(str(change.address)),
        "node": change.address.node,
        "kind": change.address.kind,
        "name": plain_unicode(change.address.name),
        "action": str(change.action),
        "standing": str(change.standing),
        "scope": str(change.scope),
        "impact": str(change.impact),
        "effects": _effects(change.effects),
        "differences": [_difference(difference) for difference in change.differences],
        "detail": [plain_unicode(words) for words in change.detail],
        "note": plain_unicode(change.note),
    }
    if text:
        form["text"] = list(text_diff(change))
    return form


def _apart(one: Apart) -> Mapping[str, Json]:
    """What was changed by hand, and what the cluster file changes."""
    return {
        **_address(str(one.address)),
        "by_hand": [plain_unicode(words) for words in one.by_hand],
        "own": [plain_unicode(words) for words in one.own],
    }


def step_form(step: Step) -> Mapping[str, Json]:
    form = {"step": str(step.name), "node": step.node, "text": plain_unicode(step.text)}
    return {**form, "together": step.together}


def problem_form(problem: Problem) -> Mapping[str, Json]:
    place = problem.place
    return {
        "level": problem.level,
        "code": problem.code,
        "text": plain_unicode(problem.text),
        "mend": plain_unicode(problem.mend),
        "file": plain_unicode(place.file) if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def finding_form(one: Finding) -> Mapping[str, Json]:
    """One of lint's. `known` = it is on the nodes already, and no doing of this plan."""
    return {**problem_form(one.problem), "nodes": list(one.nodes), "known": one.known}


def report_form(report: ApplyReport) -> Mapping[str, Json]:
    return {
        "plan": report.plan,
        "code": int(report.code),
        "seconds": report.seconds,
        "nodes": [_outcome(node) for node in report.nodes],
        "summary": plain_unicode(report.summary),
        "advice": [plain_unicode(words) for words in report.advice],
        "run": report.run or None,
        "probe": _outage(report.outage) if report.outage else None,
    }


def _outage(outage: Outage) -> Mapping[str, Json]:
    return {
        **_figures(outage.figures),
        "outage": outage.outage,
        "max_outage": outage.most,
        "blind": outage.blind,
        "ports": outage.ports,
        "from": list(outage.places),
        "steps": [
            {"step": one.step, "nodes": list(one.nodes), **_figures(one.figures)} for one in outage.steps
        ],
        "silent": [{"port": one.port, "said": one.what} for one in outage.silent],
        "failures": [{"at": one.at, "port": one.port, "said": one.what} for one in outage.failures],
        "off": outage.off or None,
    }


def _figures(figures: Figures) -> Mapping[str, Json]:
    return {
        "asked": figures.asked,
        "failed": figures.failed,
        "closed": figures.closed,
        "longest_gap": figures.longest_gap,
    }


def _outcome(node: NodeOutcome) -> Mapping[str, Json]:
    """Where a node stands after a run; a version that is not there, or could not be asked, is null."""
    return {
        "node": node.node,
        "serial": node.serial,
        "role": node.role,
        "serving": node.serving,
        "what": node.what,
        "packages": [
            {"package": one.package, "before": one.before or None, "after": one.after or None}
            for one in node.packages
        ],
    }


def run_form(run: KeptRun) -> Mapping[str, Json]:
    """A run that was kept; what is not known of it is null."""
    record, report = run.record, run.report
    return {
        "run": run.id,
        "what": record.what if record else None,
        "cluster": record.cluster if record else None,
        "plan": record.plan if record else None,
        "who": plain_unicode(record.who) if record else None,
        "began": record.began if record else None,
        "nodes": list(record.nodes) if record else None,
        "outcome": run.outcome,
        "report": report_form(report) if report else None,
    }


def pack_form(pack: Pack) -> Mapping[str, Json]:
    files: list[Json] = [{"name": plain_unicode(one.name), "size": one.size} for one in pack.contents]
    return {**run_form(pack.run), "file": plain_unicode(pack.file), "files": files}


def drift_form(report: DriftReport, *, text: bool = False) -> Mapping[str, Json]:
    """What drift found; `changes` are what an apply would do about it."""
    return {
        "cluster": report.cluster,
        "code": int(report.code),
        "items": [_item(item) for item in report.items],
        "changes": [change_form(change, text=text) for change in report.changes],
        "excluded": list(report.excluded),
    }


def drain_form(report: DrainReport) -> Mapping[str, Json]:
    """The outcome of drain and undrain."""
    return {
        "node": report.node,
        "changed": report.changed,
        "drained": _record(report.record),
        "vips": [{"vip": held.vip, "nodes": list(held.nodes)} for held in report.vips],
        "unread": list(report.unread),
        "how": plain_unicode(report.how),
        "probe": _outage(report.outage) if report.outage else None,
    }


def handover_form(report: HandoverReport) -> Mapping[str, Json]:
    return {
        "node": report.node,
        "given": list(report.given),
        "vips": [{"vip": held.vip, "nodes": list(held.nodes)} for held in report.vips],
        "unread": list(report.unread),
        "how": plain_unicode(report.how),
        "probe": _outage(report.outage) if report.outage else None,
    }


def _record(record: DrainRecord | None) -> Mapping[str, Json] | None:
    if record is None:
        return None
    words = {"who": record.who, "since": record.since, "until": record.until, "reason": record.reason}
    return {name: plain_unicode(word) for name, word in words.items()}


def forget_form(report: ForgetReport) -> Mapping[str, Json]:
    """The outcome of node forget."""
    return {
        "node": report.node,
        "address": plain_unicode(report.address),
        "written": list(report.written),
        "unread": list(report.unread),
    }


def status_form(
    cluster: str, nodes: NodeStatus, vips: Sequence[str], notes: Mapping[str, str]
) -> Mapping[str, Json]:
    return {
        "cluster": cluster,
        "vips": list(vips),
        "nodes": [_status(vips, name, found) for name, found in nodes.items()],
        "notes": {name: plain_unicode(note) for name, note in notes.items()},
    }


def error_form(error: LbctlError) -> Mapping[str, Json]:
    problems = error.problems if isinstance(error, InputError) else ()
    return {
        "error": type(error).__name__,
        "node": error.node if isinstance(error, NodeError) else None,
        "summary": plain_unicode(error.summary),
        "detail": plain_unicode(error.detail),
        "mend": plain_unicode(error.mend),
        "problems": [problem_form(problem) for problem in problems],
    }


def _address(address: str) -> dict[str, Json]:
    return {"address": plain_unicode(address)}


def _node(view: NodeView) -> Mapping[str, Json]:
    return {
        "node": view.node,
        "role": str(view.role),
        "holds": list(view.holds),
        "serial": view.serial,
        "fingerprint": view.fingerprint,
        "retired": view.retired,
        "packages": [_offer(one) for one in view.offers],
    }


def _offer(offer: Offer) -> Mapping[str, Json]:
    """A version that is not there is null."""
    return {
        "package": offer.package,
        "installed": offer.installed or None,
        "candidate": offer.candidate or None,
        "along": list(offer.along),
    }


def _effects(effects: Iterable[Effect]) -> list[Json]:
    return [{"unit": effect.unit, "impact": str(effect.impact)} for effect in merged(effects)]


def _difference(difference: Difference) -> Mapping[str, Json]:
    values = {"before": difference.before, "after": difference.after, "applied": difference.applied}
    return {
        "attribute": difference.attribute,
        **{name: plain_unicode(v) if isinstance(v, str) else v for name, v in values.items()},
        "standing": str(difference.standing),
    }


def _item(item: DriftItem) -> Mapping[str, Json]:
    return {
        "node": item.node,
        "what": item.what,
        **_address(item.address),
        "differences": [_difference(difference) for difference in item.differences],
        "text": plain_unicode(item.text),
    }


def _status(vips: Sequence[str], name: str, found: Facts | NodeError) -> Mapping[str, Json]:
    """One node; what could not be read is null, never a guess."""
    if isinstance(found, NodeError):
        return {"node": name, "read": False, "error": error_form(found)}
    stand = standing(vips, name, found)
    lock, undone = found.lock, found.undone
    return {
        "node": name,
        "read": True,
        "role": stand.role,
        "holds": list(stand.holds),
        "serial": found.owner.serial if found.owner else None,
        "cluster": found.owner.cluster if found.owner else None,
        "daemons": {d.unit: {"enabled": d.enabled, "active": d.active} for d in found.daemons},
        "servers": _servers(found),
        "lock": {"who": lock.who, "what": lock.what, "since": lock.since} if lock else None,
        "armed": found.cut_off or None,
        "undone": {"when": undone.when, "plan": undone.plan, "how": undone.how} if undone else None,
        "drain": found.drain,
        "drained": _record(found.drain_record),
    }


def _servers(facts: Facts) -> list[Json] | None:
    if facts.servers is None:
        return None
    return [{"backend": s.backend, "server": s.server, "status": s.status} for s in facts.servers]
