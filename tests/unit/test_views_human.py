"""What a person reads: each section, one case a promise."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from lbctl.errors import InputError, LbctlError, Place, Problem
from lbctl.model.change import Action, Standing
from lbctl.model.event import Gathering, NodeGathered, StepDone, StepFailed, StepStarted
from lbctl.model.plan import Apart, Plan
from lbctl.model.report import DriftReport
from lbctl.planning.order import role
from lbctl.views.human import HumanView
from lbctl.views.standing import standing
from tests.cases.views import samples
from tests.unit.test_views_nasty import Tty


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a dumb terminal, or none."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLUMNS", raising=False)


def _shown(what: str, *, text: bool = False) -> str:
    out = io.StringIO()
    view = HumanView(out, out)
    match what:
        case "plan":
            view.plan(samples.plan(), text=text)
        case "report":
            view.report(samples.report())
        case "drift":
            view.drift(samples.drift(), text=text)
        case "election":
            view.election("openstack-api", samples.election())
        case "status":
            view.status("openstack-api", samples.status(), ["10.15.85.31"], samples.NOTES)
        case "runs":
            view.runs(samples.runs())
        case "pack":
            view.packed(samples.pack())
        case _:
            for event in samples.events():
                view.event(event)
    return out.getvalue()


PROMISES = {
    "the same change on several nodes is shown once": (
        "plan",
        "  ~ file/etc/haproxy/haproxy.cfg  lb1, lb2, lb3  (update, reload haproxy)\n",
    ),
    "details are the configuration's words": ("plan", "      backend cinder-api: + server mesa-virt-04 "),
    "a keyed digest is not shown beside them": ("plan", "check cinder\n      backend cinder-api: -"),
    "drift says what the last apply left": ("plan", "      value: 0 → 1  (the last apply left 1)\n"),
    "cluster scope is said": ("plan", "restart keepalived; VRRP peers compare it)"),
    "neighbouring steps are one line": ("plan", "    1-3  lb3, lb2, lb1  stage     write candidates"),
    "a node's name stands once a turn": ("plan", "\n      5                 drain     cinder: weight"),
    "a turn like the one before is one line": (
        "plan",
        "  10-15  lb2                      the same 6 steps as lb3\n",
    ),
    "impact is merged by node": ("plan", "  lb3, lb2  reload haproxy, restart keepalived\n"),
    "unsafe names its option": ("plan", "      to let it through: --allow shrink\n"),
    "the node table": ("plan", "  lb1   MASTER  3       10.15.85.31, fd00::1\n"),
    "what an apply changes in the election": (
        "plan",
        "  no haproxy  alive  lb1 [1] → lb2  – → 3.6 s\n  [1] lb1 without HAProxy still: nopreempt\n",
    ),
    "combinations that end alike are one line": (
        "election",
        "  dead        not dead    lb2               3.6 s\n",
    ),
    "a tie names all who may win": (
        "election",
        "lb1 or lb2 [1,2]  5.6 s\n",
    ),
    "what is to be said of an end stands below its table": (
        "election",
        "  [1] equal priorities: whichever is first\n  [2] with all back: lb2\n",
    ),
    "what an election could not know": ("election", "Notes\n  lb1: nobody knows whether cinder sees it\n"),
    "a step is a line": (
        "events",
        "[ 1/21] lb3  stage     cinder valid … done 0.4 s",
    ),
    "a failed step shows the daemon's words": (
        "events",
        "FAILED after 1 min 02 s\n      cinder is not listening\n",
    ),
    "a node that is not back is loud": ("events", "lb3  NOT back as it was  cinder\n"),
    "advice is there to copy": ("report", "  continue:      lbctl apply\n"),
    "the steps that failed": ("report", "  swap       lb2    7       100    0.8 s\n"),
    "what was not counted": ("report", "and are not counted: 10.15.85.31:8004 (refused)\n"),
    "what it cost": (
        "report",
        "outage 0.8 s in all; 1 kept-alive connection closed between requests (from lb3, lb2)",
    ),
    "the outcome is last": ("report", "Stopped at lb2: cinder. (1 min 23 s)\n"),
    "drift on several nodes is shown once": (
        "drift",
        "  sysctl/net.ipv4.ip_nonlocal_bind  lb2, lb3\n      value: 1 → cinder\n",
    ),
    "a file's drift is told in its words": (
        "drift",
        "haproxy.cfg  lb2\n      an apply would undo it by:\n      backend cinder-api: + server ",
    ),
    "a run says where it left the nodes": (
        "runs",
        "stopped    unchanged: lb1; failed: lb2; changed: lb3\n",
    ),
    "a run without a report was cut off": ("runs", "cut off    lb1, lb2, lb3\n"),
    "how to get at a run is the last line": ("runs", "\n5 runs. Pack one: lbctl report RUN, or: lbctl"),
    "what is packed is listed": ("pack", "  nodes/lb2/cinder  12 kB\n"),
    "where it is packed is the last line": ("pack", "\nPacked: cinder.tar.gz (1 file of run 20261122-164101"),
    "evidence that is lost is said": ("events", "What happens cannot be kept: cinder\n"),
    "pending is not drift": ("drift", "In the cluster file, not applied yet\n"),
    "a node that cannot be read is unknown": ("status", "  lb3   unknown  ?       unknown     unknown\n"),
    "a lock says who and since when": ("status", "  lb2  locked by cinder since 2026-11-22 13:40: cinder\n"),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_promise(promise: str) -> None:
    what, words = PROMISES[promise]
    assert words in _shown(what)


def test_drift_is_apart_from_pending() -> None:
    sections = _shown("plan").split("\nChanged by hand since the last apply, would be undone\n")
    assert len(sections) == 2
    assert "lb2  (update, restart keepalived" not in sections[0]
    assert "lb3  (update, restart keepalived" in sections[0]


def test_the_summary_is_the_last_line() -> None:
    assert _shown("plan").splitlines()[-1] == (
        "Plan: 3 to create, 5 to change, 1 to delete, 1 to record. 3 nodes: lb3, lb2, then lb1 (MASTER)."
    )


def test_an_empty_plan_says_so() -> None:
    out = io.StringIO()
    HumanView(out, out).plan(replace(samples.plan(), changes=(), steps=(), problems=()))
    assert out.getvalue().splitlines()[-1] == "No changes. Cluster openstack-api is as its file says."
    assert "Steps" not in out.getvalue()


def test_a_plan_that_only_records_changes_no_node() -> None:
    plan = samples.plan()
    recorded = tuple(change for change in plan.changes if change.action is Action.RECORD)
    out = io.StringIO()
    HumanView(out, out).plan(replace(plan, changes=recorded))
    assert recorded and not replace(plan, changes=recorded).touches and plan.touches
    assert "installed: " not in out.getvalue() and "content: " not in out.getvalue()
    last = out.getvalue().splitlines()[-1]
    assert last == f"No changes: every node is as the file says. {len(recorded)} to record."


def test_the_text_diff_is_what_may_be_shown() -> None:
    text = _shown("plan", text=True)
    assert "      --- live\n      +++ desired\n" in text
    assert "              stats auth a:***\n" in text
    assert "      +cinder\n" in text


@pytest.mark.parametrize("held", [frozenset[str](), frozenset({"10.15.85.31"})])
@pytest.mark.parametrize("active", [True, False])
def test_status_names_roles_as_a_plan_does(held: frozenset[str], active: bool) -> None:
    facts = samples.facts("lb1", held)
    daemons = tuple(replace(d, active=active) for d in facts.daemons)
    facts = replace(facts, daemons=daemons)
    assert standing(["10.15.85.31"], "lb1", facts).role == str(role(samples.cluster(), facts))


def test_many_nodes_become_a_number() -> None:
    plan = samples.plan()
    changes = [
        replace(plan.changes[0], address=replace(plan.changes[0].address, node=f"n{n}")) for n in range(200)
    ]
    out = io.StringIO()
    HumanView(out, out).plan(replace(plan, changes=tuple(changes), steps=()))
    assert "haproxy.cfg  n0, n1, n2 and 197 more  (" in out.getvalue()
    assert out.getvalue().splitlines()[-1].endswith("200 nodes.")


def test_drift_is_silent_when_nobody_watches_and_nothing_is_wrong() -> None:
    out, terminal = io.StringIO(), Tty()
    HumanView(out, out).drift(DriftReport("c", ()))
    HumanView(terminal, terminal, color=False).drift(DriftReport("c", ()))
    assert out.getvalue() == ""
    assert "No drift. Cluster c is as the last apply left it." in terminal.getvalue()


def test_errors_go_to_standard_error_with_their_mend() -> None:
    out, err = io.StringIO(), io.StringIO()
    view = HumanView(out, err)
    view.error(LbctlError("lb2: no connection", detail="connection refused", mend="is it up?"))
    view.error(
        InputError([Problem("unknown key: haproxi", Place("cluster.yaml", 3, 1), "did you mean haproxy?")])
    )
    assert out.getvalue() == ""
    assert err.getvalue() == (
        "Error: lb2: no connection\n  connection refused\n  is it up?\n"
        "  error  cluster.yaml:3:1: unknown key: haproxi\n      did you mean haproxy?\n"
        "Error: 1 problem found\n"
    )


def test_reading_nodes_leaves_nothing_in_a_file() -> None:
    out = io.StringIO()
    view = HumanView(out, out)
    view.event(Gathering(("lb1",)))
    view.event(NodeGathered("lb1", 0.1))
    assert out.getvalue() == ""


def test_a_terminal_sees_what_is_under_way_and_then_the_line() -> None:
    out = Tty()
    view = HumanView(out, out, color=False, width=100)
    step = samples.steps("cinder")[0]
    view.event(StepStarted(step, 1, 21))
    assert "\x1b[?25l" in out.getvalue()  # drawn live: the cursor is hidden
    view.event(StepDone(step, 0.4))
    assert "write candidates and check them: cinder … done 0.4 s\n" in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_a_terminal_wraps_beside_the_head() -> None:
    out = Tty()
    HumanView(out, out, color=False, width=60).plan(samples.plan("word " * 20))
    lines = out.getvalue().splitlines()
    assert max(map(len, [line for line in lines if "\x1b" not in line])) <= 60
    assert any(line.startswith(" " * 34 + "word") for line in lines)


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain, asked = Tty(), Tty(), Tty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLUMNS", raising=False)
    HumanView(coloured, coloured).plan(samples.plan())
    HumanView(plain, plain, color=False).plan(samples.plan())
    monkeypatch.setenv("NO_COLOR", "1")
    HumanView(asked, asked).plan(samples.plan())
    assert "\x1b[1;33m" in coloured.getvalue()
    assert "33m" not in plain.getvalue()
    assert "33m" not in asked.getvalue()


def both_shown(plan: Plan) -> str:
    """Of the first change alone, whose content was changed by hand as well."""
    first = plan.changes[0]
    differences = tuple(replace(one, standing=Standing.BOTH) for one in first.differences)
    both = replace(first, standing=Standing.BOTH, differences=differences)
    out = io.StringIO()
    HumanView(out, out).plan(replace(plan, changes=(both,)))
    return out.getvalue()


def test_what_is_pending_and_by_hand_is_told_apart() -> None:
    plan = samples.plan()
    found = Apart(plan.changes[0].address, ("global: + nbthread 2",), ("backend cinder-api: + server x",))
    pending, by_hand = both_shown(replace(plan, apart=(found,))).split("Changed by hand")
    assert "+ server x" in pending and "nbthread" not in pending
    assert "+ nbthread 2" in by_hand and "+ server x" not in by_hand


def test_where_nobody_knows_what_was_applied_its_lines_are_shown_once() -> None:
    shown = both_shown(samples.plan())
    assert shown.count("backend cinder-api: + server") == 1
    assert "which of the lines above: nobody knows" in " ".join(shown.split())


def test_a_daemons_words_keep_their_lines() -> None:
    out = io.StringIO()
    HumanView(out, out).event(
        StepFailed(samples.steps("x")[0], 0.1, "refused", ("[ALERT] one\n[ALERT] two",))
    )
    assert "      | [ALERT] one\n      | [ALERT] two\n" in out.getvalue()


def test_an_empty_plan_with_problems_is_no_all_clear() -> None:
    cut_off = Problem("lb2: the apply of plan p was cut off", level="warning", code="unfinished")
    out = io.StringIO()
    HumanView(out, out).plan(replace(samples.plan(), changes=(), steps=(), problems=(cut_off,)))
    assert out.getvalue().splitlines()[-1].startswith("No changes, but not everything is as it should be")
