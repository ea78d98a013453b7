"""Plan files and state: what is written comes back equal, and what was tampered with is named."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.errors import LocalError, PlanFileError
from lbctl.model.report import ApplyReport
from lbctl.store import codec
from lbctl.store.history import HistoryEntry, NodeSerial
from lbctl.store.plans import load_plan, save_plan
from lbctl.store.workspace import Workspace, workspace_of
from tests.cases.views import samples

NASTY = "\x1b[2J\n\udc80 [/api] é"


@pytest.mark.parametrize("word", ["cinder", NASTY, ""])
def test_a_plan_comes_back_equal(tmp_path: Path, word: str) -> None:
    plan = samples.plan(word)
    save_plan(tmp_path / "p.json", plan)
    assert load_plan(tmp_path / "p.json", plan.cluster) == plan


def test_a_plan_file_is_private_and_holds_no_content(tmp_path: Path) -> None:
    path = tmp_path / "plans" / "p.json"
    save_plan(path, samples.plan())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert samples.SECRET not in path.read_text()
    assert "desired" not in json.loads(path.read_text())["plan"]["changes"][0]
    assert [p.name for p in path.parent.iterdir()] == ["p.json"]


def _edited(text: str) -> str:
    return text.replace("cinder-api", "cinder-app", 1)


def _newer(text: str) -> str:
    return text.replace('"format_version": 1', '"format_version": 2')


TAMPERED: dict[str, tuple[Callable[[str], str], str]] = {
    "cut short": (lambda text: text[: len(text) // 2], "is cut short"),
    "edited": (_edited, "was changed after it was saved"),
    "newer": (_newer, "has format 2; this lbctl"),
    "older": (lambda text: text.replace('"format_version": 1', '"format_version": 0'), "no longer reads"),
    "empty": (lambda text: "", "is not a plan file"),
    "yaml": (lambda text: "cluster: x\n", "is not a plan file"),
    "other json": (lambda text: "{}", "is not a plan file"),
    "list": (lambda text: "[1]", "is not a plan file"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_plan_file_that_is_not_as_saved_is_refused(tmp_path: Path, name: str) -> None:
    tamper, said = TAMPERED[name]
    path = tmp_path / "p.json"
    save_plan(path, samples.plan())
    path.write_text(tamper(path.read_text()))
    with pytest.raises(PlanFileError) as caught:
        load_plan(path)
    assert said in caught.value.summary
    assert str(path) in caught.value.summary
    assert "lbctl plan --out" in caught.value.mend


def test_a_plan_of_another_cluster_is_only_for_looking(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    save_plan(path, samples.plan())
    assert load_plan(path).cluster == "openstack-api"
    with pytest.raises(PlanFileError, match="is a plan of cluster openstack-api, not of other"):
        load_plan(path, "other")


def test_a_missing_or_binary_plan_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be read: No such file"):
        load_plan(tmp_path / "none.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe{")
    with pytest.raises(PlanFileError, match="is not a plan file"):
        load_plan(tmp_path / "binary")


def test_a_forged_plan_never_leaves_the_state_directory(tmp_path: Path) -> None:
    """The checksum is no signature: whoever can write the file can make a new one."""
    from lbctl.store import plans

    path = tmp_path / "p.json"
    save_plan(path, samples.plan())
    form = json.loads(path.read_text())
    form["plan"]["id"] = "../../evil"
    form["checksum"] = plans._checksum(form)
    path.write_text(json.dumps(form))
    with pytest.raises(PlanFileError, match="an id that lbctl never gives"):
        load_plan(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("steps", 3, "plan.steps"), ("nodes", [{}], "plan.nodes[0] lacks"), ("created", None, "plan.created")],
)
def test_a_forged_plan_with_other_types_is_refused(
    tmp_path: Path, field: str, value: object, said: str
) -> None:
    from lbctl.store import plans

    path = tmp_path / "p.json"
    save_plan(path, samples.plan())
    form = json.loads(path.read_text())
    form["plan"][field] = value
    form["checksum"] = plans._checksum(form)
    path.write_text(json.dumps(form))
    with pytest.raises(PlanFileError) as caught:
        load_plan(path)
    assert said in caught.value.detail


def test_what_a_noun_had_not_when_it_was_written_is_none_or_empty() -> None:
    report = samples.report()
    form = codec.encode(report)
    assert isinstance(form, dict) and isinstance(form["nodes"], list)
    del form["outage"]
    for node in form["nodes"]:
        assert isinstance(node, dict)
        del node["packages"]
    bare = replace(report, outage=None, nodes=tuple(replace(node, packages=()) for node in report.nodes))
    assert codec.decode(ApplyReport, form, "report") == bare


def test_a_plan_is_used_once(tmp_path: Path) -> None:
    state = Workspace(tmp_path).cluster("c")
    assert not state.is_used("p1")
    state.mark_used("p1")
    assert state.is_used("p1")
    assert not state.is_used("p2")
    with pytest.raises(PlanFileError, match="was used already"):
        state.mark_used("p1")


def test_history_comes_back_in_order(tmp_path: Path) -> None:
    state = Workspace(tmp_path).cluster("c")
    assert state.history() == ()
    first = HistoryEntry("2026-11-22T13:00:00Z", "ann", "p1", 0, 12.0, (NodeSerial("lb1", 1),), "done")
    second = HistoryEntry("2026-11-22T14:00:00Z", "bob\n", "p2", 3, 2.5, ())
    state.append_history(first)
    state.append_history(second)
    assert state.history() == (first, second)
    with (state.path / "history.jsonl").open("a") as stream:
        stream.write('{"when": "2026')
    assert state.history() == (first, second)
    state.append_history(first)
    assert state.history() == (first, second, first)


def test_the_cluster_id_is_made_once(tmp_path: Path) -> None:
    state = Workspace(tmp_path).cluster("c")
    made = state.cluster_id()
    assert len(made) == 32
    assert state.cluster_id() == made
    assert Workspace(tmp_path).cluster("d").cluster_id() != made


def test_desired_of_a_serial_is_kept(tmp_path: Path) -> None:
    state = Workspace(tmp_path).cluster("c")
    state.keep_desired(3, "cluster: c\n", {"lb1/haproxy.cfg": b"global\n\xff"})
    assert (state.desired_file(3).parent / "lb1/haproxy.cfg").read_bytes() == b"global\n\xff"
    assert state.desired(3) == "cluster: c\n"
    assert state.desired(4) == ""


def test_a_workspace_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a directory belongs")
    with pytest.raises(LocalError, match="cannot read"):
        Workspace(tmp_path).cluster("c").cluster_id()


def test_the_workspace_is_where_the_file_lies(tmp_path: Path) -> None:
    assert workspace_of(tmp_path / "cluster.yaml").root == tmp_path.resolve()
