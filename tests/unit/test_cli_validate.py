"""validate, render and init, as a user types them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lbctl.__main__ import run
from lbctl.desired import load

ROOT = Path(__file__).parents[2]
GUIDE = str(ROOT / "cluster.yaml")
BAD = str(ROOT / "tests" / "cases" / "cluster" / "bad" / "everything.yaml")
SECRETS = str(ROOT / "tests" / "cases" / "cluster" / "good" / "secrets" / "cluster.yaml")

Output = pytest.CaptureFixture[str]


def test_validate_good(capsys: Output) -> None:
    assert run(["validate", "-f", GUIDE]) == 0
    assert capsys.readouterr().out == f"{GUIDE}: 3 nodes, 9 services, 1 VIP: good\n"


def test_validate_needs_no_secret(capsys: Output) -> None:
    assert run(["validate", "-f", SECRETS]) == 0
    assert "1 node, 1 service, 3 VIPs: good" in capsys.readouterr().out


def test_validate_bad(capsys: Output) -> None:
    assert run(["validate", "-f", BAD]) == 1
    said = capsys.readouterr().out
    assert f"{BAD}:3:1: unknown key hadnover" in " ".join(said.split())
    assert "did you mean handover?" in said


def test_validate_json(capsys: Output) -> None:
    assert run(["validate", "-f", BAD, "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    first = next(p for p in problems if "hadnover" in p["text"])
    assert (first["file"], first["line"], first["column"], first["level"]) == (BAD, 3, 1, "error")
    assert run(["validate", "-f", GUIDE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_validate_the_file_of_the_environment(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LBCTL_FILE", GUIDE)
    assert run(["validate"]) == 0
    assert "good" in capsys.readouterr().out


def test_validate_without_a_file(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["validate"]) == 1
    assert "lbctl init" in capsys.readouterr().out


def test_render_one_file_to_the_byte(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["render", "lb2", "haproxy.cfg", "-f", GUIDE]) == 0
    file = load(Path(GUIDE)).node("lb2").file_of("haproxy")
    assert file is not None
    assert capfdbinary.readouterr().out == file.content.data


def test_render_all(capsys: Output) -> None:
    assert run(["render", "lb1", "-f", SECRETS]) == 0
    said = capsys.readouterr().out
    assert "==> /etc/haproxy/pem (0600 root:root) <==" in said
    assert "auth_pass ***" in said


def test_render_unknown(capsys: Output) -> None:
    assert run(["render", "lb9", "-f", GUIDE]) == 1
    assert "its nodes: lb1, lb2, lb3" in capsys.readouterr().err
    assert run(["render", "lb1", "nope", "-f", GUIDE]) == 1
    assert "/etc/haproxy/haproxy.cfg" in capsys.readouterr().err


def test_reveal(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("EIGHT", "topsecr8"), ("HASH", "top#sec"), ("BLANK", "top sec")):
        monkeypatch.setenv(f"LBCTL_TEST_{name}", value)
    out = tmp_path / "out"
    arguments = ["render", "lb1", "keepalived.conf", "-f", SECRETS, "--reveal", str(out)]
    assert run(arguments) == 0
    assert "auth_pass topsecr8\n" in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "topsecr8" not in "".join(capsys.readouterr())
    assert run(arguments) == 1, "an old file is not written over"
    assert run(["render", "lb1", "-f", SECRETS, "--reveal", str(out)]) == 1
    cfg = tmp_path / "cfg"
    assert run(["render", "lb1", "haproxy.cfg", "-f", SECRETS, "--reveal", str(cfg)]) == 0
    lines = cfg.read_text().splitlines()
    assert "    user a insecure-password top\\#sec" in lines
    assert '    user b insecure-password "top sec"' in lines
    assert "    user c insecure-password top\\ sec" in lines


def test_init(tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "new"
    assert run(["init", str(target)]) == 0
    for name in ("plans", "state"):
        assert stat.S_IMODE((target / name).stat().st_mode) == 0o700
    assert "/state/" in (target / ".gitignore").read_text().splitlines()
    cluster = load(target / "cluster.yaml")
    assert (len(cluster.additions), cluster.problems) == (4, ())
    (target / "cluster.yaml").write_text("mine\n")
    assert run(["init", str(target)]) == 1
    assert (target / "cluster.yaml").read_text() == "mine\n"
    assert "is there already" in capsys.readouterr().err
