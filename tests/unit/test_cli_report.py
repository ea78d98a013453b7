"""lbctl report on the command line: what it says of no runs, of one, and of what it cannot do."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lbctl import __main__
from lbctl.store.workspace import Workspace
from tests.cases.views import samples
from tests.unit.test_runs import DONE, TEXT, record

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LBCTL_FILE", raising=False)
    (tmp_path / "cluster.yaml").write_text(TEXT)
    return tmp_path


def kept(workspace: Path, cluster: str = "openstack-api") -> str:
    folder = Workspace(workspace).cluster(cluster).runs.begin(record, samples.plan(), TEXT)
    folder.report(DONE)
    folder.close()
    return folder.record.id


def test_where_there_is_no_run_it_says_so(capsys: Captured) -> None:
    assert __main__.run(["report"]) == 0
    assert capsys.readouterr().out == "No run is kept yet. An apply from this workspace keeps one.\n"
    assert __main__.run(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == []
    assert __main__.run(["report", "latest"]) == 1
    assert "Error: no run is kept in " in capsys.readouterr().err


def test_it_packs_into_this_directory(workspace: Path, capsys: Captured) -> None:
    name = kept(workspace)
    assert __main__.run(["report", "latest"]) == 0
    pack = workspace / f"lbctl-report-{name}.tar.gz"
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert f"Packed: {pack.name} (5 files of run {name})" in capsys.readouterr().out
    assert __main__.run(["report", name[:8], "--out", "other.tar.gz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "other.tar.gz"


def test_it_looks_at_this_clusters_runs_alone(workspace: Path, capsys: Captured) -> None:
    name = kept(workspace)
    kept(workspace, "another")
    assert __main__.run(["report", "--json"]) == 0
    assert [run["run"] for run in json.loads(capsys.readouterr().out)["runs"]] == [name]


def test_a_file_that_is_being_edited_does_not_stop_it(workspace: Path, capsys: Captured) -> None:
    name = kept(workspace)
    (workspace / "cluster.yaml").write_text(TEXT + "haproxi: {}\nnodes: 3\n")
    assert __main__.run(["report"]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: {}\n", "it does not say which cluster it is of"),
        ("cluster: ../../etc\n", "it does not say which cluster it is of"),
        ("cluster: [a]\n", "it does not say which cluster it is of"),
        ("cluster: {\n", "not YAML"),
    ],
)
def test_a_file_of_no_cluster_is_named(workspace: Path, capsys: Captured, text: str, said: str) -> None:
    (workspace / "cluster.yaml").write_text(text)
    assert __main__.run(["report"]) == 1
    assert said in capsys.readouterr().err


def test_a_pack_is_of_one_run(capsys: Captured) -> None:
    assert __main__.run(["report", "--out", "x.tar.gz"]) == 1
    assert "lbctl report latest --out FILE" in capsys.readouterr().err
