"""What a program reads: the keys that docs/json.md promises."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lbctl.views.json import JsonView, event_line
from tests.cases.views import samples

ROOT = Path(__file__).parent.parent.parent

KEYS = {
    "plan": "plan cluster created digest nodes changes order impact steps apart problems findings summary "
    "election",
    "change": "address node kind name action standing scope impact effects differences detail note",
    "difference": "attribute before after applied standing",
    "problem": "level code text mend file line column",
    "drift": "cluster code items changes excluded",
    "item": "node what address differences text",
    "election": "cluster nodes failures routers notes",
    "router": "vips instances sync_groups advert_int normal rows",
    "row": "states ends seconds soonest why idle back",
    "status": "cluster vips nodes notes",
    "read": "node read role holds serial cluster daemons servers lock armed undone drain drained",
    "report": "time event plan code seconds nodes summary advice run probe",
    "probe": "asked failed closed longest_gap outage max_outage blind ports from steps silent failures off",
    "run": "run what cluster plan who began nodes outcome report",
    "pack": "run what cluster plan who began nodes outcome report file files",
}


def _document(what: str) -> dict[str, object]:
    out = io.StringIO()
    view = JsonView(out, out)
    match what:
        case "plan":
            view.plan(samples.plan())
        case "drift":
            view.drift(samples.drift())
        case "election":
            view.election("openstack-api", samples.election())
        case "runs":
            view.runs(samples.runs())
        case "pack":
            view.packed(samples.pack())
        case _:
            view.status("openstack-api", samples.status(), ["10.15.85.31"], samples.NOTES)
    form = json.loads(out.getvalue())
    assert form.pop("format_version") == 1
    assert form.pop("document") == what
    return dict(form)


def _first(form: dict[str, object], name: str) -> dict[str, object]:
    found = form[name]
    assert isinstance(found, list)
    return dict(found[0])


def _same(form: dict[str, object], what: str) -> None:
    assert list(form) == KEYS[what].split()


def test_a_plan_has_its_keys() -> None:
    plan = _document("plan")
    _same(plan, "plan")
    change = _first(plan, "changes")
    _same(change, "change")
    _same(_first(change, "differences"), "difference")
    _same(_first(plan, "problems"), "problem")
    assert plan["order"] == ["lb3", "lb2", "lb1"]
    assert plan["summary"] == {
        "create": 3,
        "change": 5,
        "delete": 1,
        "record": 1,
        "restart": 0,
        "upgrade": 0,
        "retire": 0,
    }


def test_drift_has_its_keys() -> None:
    drift = _document("drift")
    _same(drift, "drift")
    _same(_first(drift, "items"), "item")
    assert drift["code"] == 2


def test_an_election_has_its_keys() -> None:
    election = _document("election")
    _same(election, "election")
    _same(_first(election, "routers"), "router")
    row = _first(_first(election, "routers"), "rows")
    _same(row, "row")
    assert (row["states"], row["ends"]) == ({"lb1": "alive", "lb2": "alive"}, [["lb1"]])
    moved = _document("plan")["election"]
    assert isinstance(moved, dict) and list(moved) == ["before", "after"]


def test_status_has_its_keys_and_unknown_is_no_guess() -> None:
    status = _document("status")
    _same(status, "status")
    _same(_first(status, "nodes"), "read")
    nodes = status["nodes"]
    assert isinstance(nodes, list)
    assert sorted(nodes[2]) == ["error", "node", "read"]


def test_runs_have_their_keys_and_unknown_is_null() -> None:
    found = _document("runs")["runs"]
    assert isinstance(found, list)
    assert all(list(run) == KEYS["run"].split() for run in found)
    assert [run["outcome"] for run in found] == ["done", "stopped", "cut off", "under way", "unknown"]
    assert found[2]["report"] is None and found[4]["who"] is None
    _same(_document("pack"), "pack")


def test_an_event_has_the_time_when_it_happened() -> None:
    line = json.loads(event_line(samples.events()[0]))
    assert list(line) == ["format_version", "time", "event", "nodes"]
    assert datetime.now(UTC) - datetime.fromisoformat(line["time"]) < timedelta(seconds=60)


def test_an_apply_is_one_line_an_event_and_the_report_is_last() -> None:
    out = io.StringIO()
    view = JsonView(out, out, events=True)
    read, walked = samples.events()[:4], samples.events()[4:]
    for event in read:
        view.event(event)
    view.plan(samples.plan())
    for event in walked:
        view.event(event)
    view.report(samples.report())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines[3:5]] == ["gathered", "planned"]
    assert len(lines) == len(samples.events()) + 2
    assert {line.pop("format_version") for line in lines} == {1}
    assert list(lines[-1]) == KEYS["report"].split()
    _same(lines[-1]["probe"], "probe")
    assert [line["event"] for line in lines[5:8]] == ["started", "done", "started"]


def test_events_are_no_part_of_a_document() -> None:
    out = io.StringIO()
    view = JsonView(out, out)
    view.event(samples.events()[0])
    assert out.getvalue() == ""


LEAVING = """
import sys
from lbctl.cli.options import view
from tests.cases.views import samples
shown = view(json={json}, events=True)
for _ in range(20):
    shown.plan(samples.plan())
shown.report(samples.report())
shown.close()
sys.stderr.write("went on to the end")
"""


def test_a_reader_that_leaves_stops_no_rollout() -> None:
    """`lbctl apply | head -1` has to finish what it began."""
    for which in ("True", "False"):
        read, write = os.pipe()
        os.close(read)
        code = LEAVING.format(json=which)
        argv = [sys.executable, "-c", code]
        done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
        os.close(write)
        assert (done.stderr, done.returncode) == ("went on to the end", 0)
