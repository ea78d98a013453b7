"""lint and explain, as a user types them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from lbctl.__main__ import run
from lbctl.lint import rules

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "cluster.yaml"
BAD = ROOT / "tests" / "cases" / "cluster" / "bad" / "everything.yaml"
KEEPALIVED = """global_defs {
    vrrp_strict
}
vrrp_script check {
    script "killall -0 haproxy"
    weight 1
}
vrrp_instance vip {
    state BACKUP
    interface eth0
    virtual_router_id 47
    priority %d
    authentication {
        auth_type PASS
        auth_pass hunter2
    }
    virtual_ipaddress {
        192.0.2.9
    }
    track_script {
        check
    }
}
"""
HAPROXY = """listen web
    bind 192.0.2.9:80
    server a 192.0.2.1:80
"""

Output = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two nodes' files in directories of their own, below the current one."""
    monkeypatch.chdir(tmp_path)
    for name, priority in (("lb1", 102), ("lb2", 100)):
        folder = tmp_path / "files" / name
        folder.mkdir(parents=True)
        (folder / "keepalived.conf").write_text(KEEPALIVED % priority)
        (folder / "haproxy.cfg").write_text(HAPROXY)
    return Path("files")


def findings(capsys: Output, *words: str, code: int) -> list[dict[str, object]]:
    assert run(["lint", "--json", *words]) == code
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def test_the_repositorys_own_cluster_has_no_error(capsys: Output) -> None:
    assert run(["lint", "-f", str(GUIDE)]) == 0
    assert capsys.readouterr().err == ""


def test_files_of_two_nodes_are_one_cluster(files: Path, capsys: Output) -> None:
    found = findings(capsys, str(files), code=2)
    places = {(one["code"], one["file"], one["line"], *one["nodes"]) for one in found}  # type: ignore[misc]
    assert ("vrrp-strict", "files/lb1/keepalived.conf", 2, "lb1") in places
    assert ("vrrp-strict", "files/lb2/keepalived.conf", 2, "lb2") in places
    assert ("no-check", "files/lb2/haproxy.cfg", 3, "lb2") in places
    assert any(one["code"] == "weight-too-small" for one in found)  # it takes both nodes to see it
    alone = findings(capsys, f"{files}/lb1", code=2)
    assert not any(one["code"] == "weight-too-small" for one in alone)


def test_files_beside_each_other_are_nodes_by_their_names(tmp_path: Path, capsys: Output) -> None:
    for name, priority in (("keepalived-lb1.conf", 102), ("keepalived-lb2.conf", 100)):
        (tmp_path / name).write_text(KEEPALIVED % priority)
    found = findings(capsys, str(tmp_path), code=2)
    assert {tuple(one["nodes"]) for one in found} == {("keepalived-lb1",), ("keepalived-lb2",)}  # type: ignore[arg-type]


def test_places_are_those_of_the_cluster_file(tmp_path: Path, capsys: Output) -> None:
    """Lines of an included file, of a block in the cluster file, and after an addition."""
    (tmp_path / "keepalived.conf").write_text(KEEPALIVED.replace("%d", "${node.priority}"))
    (tmp_path / "cluster.yaml").write_text(
        "cluster: c\n"
        "additions: [stats-socket, drain]\n"
        "nodes: {lb1: {address: 192.0.2.31, priority: 102}, lb2: {address: 192.0.2.32, priority: 100}}\n"
        "keepalived: {file: keepalived.conf}\n"
        "haproxy: |\n" + "".join(f"  {line}\n" for line in HAPROXY.splitlines())
    )
    file = tmp_path / "cluster.yaml"
    found = findings(capsys, "-f", str(file), code=2)
    places = {one["code"]: (one["file"], one["line"]) for one in found}
    assert places["vrrp-strict"] == (str(tmp_path / "keepalived.conf"), 2)
    assert places["weight-too-small"][0] == str(tmp_path / "keepalived.conf")
    assert places["no-check"] == (str(file), 8)
    assert all(one["nodes"] == ["lb1", "lb2"] for one in found if one["code"] == "no-check")


def test_what_keeps_a_cluster_file_from_being_read_is_found_too(capsys: Output) -> None:
    found = findings(capsys, str(BAD), code=2)
    assert any("hadnover" in str(one["text"]) and one["line"] == 3 for one in found)


def test_levels_and_exit_codes(files: Path, capsys: Output) -> None:
    assert run(["lint", str(files), "--fail-on", "never"]) == 0
    (files / "lb1" / "keepalived.conf").unlink()
    (files / "lb2" / "keepalived.conf").unlink()
    assert run(["lint", str(files)]) == 0
    assert run(["lint", str(files), "--fail-on", "warning"]) == 2
    capsys.readouterr()
    assert run(["lint", "--fail-on", "grave"]) == 1
    assert "one of: error, warning, note, never" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing.cfg", "it cannot be read: No such file"),
        ("missing.yaml", "it cannot be read: No such file"),
        ("folder.yaml", "it cannot be read: not a regular file"),
        ("pipe.cfg", "it cannot be read: not a regular file"),
        ("odd.conf", "neither"),
        ("empty", "there is no haproxy.cfg and no keepalived.conf"),
        ("others", "there is no haproxy.cfg and no keepalived.conf"),
    ],
)
def test_what_cannot_be_looked_at(files: Path, capsys: Output, path: str, said: str) -> None:
    Path("odd.conf").write_text("[Service]\n")
    os.mkfifo("pipe.cfg")
    for folder in ("empty", "folder.yaml", "others"):
        Path(folder).mkdir()
    Path("others", "rsyslog.conf").write_text("module(load)\n")
    assert run(["lint", path, str(files), "--fail-on", "never"]) == 1
    err = capsys.readouterr().err
    assert said in err and path in err and "Traceback" not in err


def test_what_else_a_directory_holds_is_passed_over(files: Path, capsys: Output) -> None:
    before = findings(capsys, str(files), code=2)
    (files / "lb1" / "rsyslog.conf").write_text("module(load)\n")
    assert findings(capsys, str(files), code=2) == before


def test_a_cluster_file_may_have_any_name(tmp_path: Path, capsys: Output) -> None:
    named = tmp_path / "prod.cluster"
    named.write_bytes(BAD.read_bytes())
    assert run(["lint", "--json", "-f", str(named)]) == 2
    assert "hadnover" in capsys.readouterr().out


def test_sarif_of_a_name_that_is_no_utf8(files: Path, capsys: Output) -> None:
    (files / "lb1").rename(files / os.fsdecode(b"lb\xe9"))
    assert run(["lint", "--sarif", str(files)]) == 2
    assert "files/lb%E9/haproxy.cfg" in capsys.readouterr().out


def test_sarif_shows_each_in_its_place(files: Path, capsys: Output) -> None:
    assert run(["lint", "--sarif", str(files)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == "2.1.0"
    (made,) = document["runs"]
    known = {rule["id"] for rule in made["tool"]["driver"]["rules"]}
    strict = next(one for one in made["results"] if one["ruleId"] == "vrrp-strict")
    assert strict["level"] == "error" and "lb1: " in strict["message"]["text"]
    place = strict["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "files/lb1/keepalived.conf"
    assert place["region"]["startLine"] == 2
    assert all(one["ruleId"] in known for one in made["results"])


def test_sarif_is_what_its_schema_asks_for(files: Path, capsys: Output) -> None:
    """What 2.1.0 requires, and the bounds of what is there; a path is a URI."""
    (files / "lb1").rename(files / "lb #1")
    run(["lint", "--sarif", str(files), str(BAD)])
    document = json.loads(capsys.readouterr().out)
    (made,) = document["runs"]
    assert made["tool"]["driver"]["name"] and made["columnKind"] == "unicodeCodePoints"
    ids = [rule["id"] for rule in made["tool"]["driver"]["rules"]]
    assert len(set(ids)) == len(ids)
    for one in made["results"]:
        assert one["message"]["text"] and one["level"] in ("error", "warning", "note")
        for place in one["locations"]:
            region = place["physicalLocation"].get("region", {"startLine": 1})
            assert region["startLine"] > 0 and region.get("startColumn", 1) > 0
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
    assert any("files/lb%20%231/" in json.dumps(one) for one in made["results"])


def test_no_secret_is_shown(files: Path, capsys: Output) -> None:
    for words in ([], ["--json"], ["--sarif"]):
        run(["lint", *words, str(files)])
        assert "hunter2" not in "".join(capsys.readouterr())


def test_explain(capsys: Output) -> None:
    assert run(["explain", "weight-too-small"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    known = rules()["weight-too-small"]
    assert all(
        " ".join(words.split()) in said for words in (known.title, known.why, known.mend, known.source)
    )
    assert run(["explain"]) == 0
    assert all(code in capsys.readouterr().out for code in ("vrrp-strict",))
    assert run(["explain", "wieght-too-small"]) == 1
    assert "did you mean weight-too-small?" in capsys.readouterr().err
    assert run(["explain", "no-check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["codes"][0]["code"] == "no-check"
