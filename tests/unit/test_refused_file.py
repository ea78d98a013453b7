"""Cluster files and command lines that are refused before any node is asked: exit code 1, no traceback."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lbctl.__main__ import run

WRONG = """\
cluster: wrong
lab: only
handovr: auto
ssh: {user: root, become: sudo, become_password: {env: NOT_SET}}
nodes:
  lb1: {address: 10.15.85.332, priority: high}
  lb2: {address: 10.15.85.33, priority: {nowhere: 7}}
  lb3: {priority: 100, keepalived: {vrrp_instance: {nowhere: {priority: 1}}}}
controllers:
  c1: 10.15.85.141
  c1: 10.15.85.142
vips: {api: 10.15.85.31}
keepalived:
  vrrp_instance:
    one:
      state: BACKUP
      interface: "eth0\\nnotify /bin/sh"
      virtual_router_id: 47
      virtual_ipaddress: [10.15.85.31]
      authentication: {auth_type: PASS, auth_pass: 00001234}
    two:
      state: BACKUP
      interface: eth0
      virtual_router_id: 48
      virtual_ipaddress: [10.15.85.31]
      authentication: {auth_type: PASS, auth_pass: {env: WITH_HASH}}
    three:
      state: BACKUP
      interface: eth0
      virtual_router_id: 49
      virtual_ipaddress: [10.15.85.31]
      authentication: {auth_type: PASS, auth_pass: {env: OF_NINE}}
haproxy:
  services:
    keystone: 5000
    glance: 5000
    nova: {port: 8774, members: nobody}
    cinder: 70000
    heat: {port: 8004, prot: 8004}
"""
SAID = {
    3: "unknown key handovr",
    6: "'high' is not a priority",
    7: "there is no vrrp_instance nowhere",
    8: "address",
    11: "c1 stands here twice",
    17: "newline",
    20: "auth_pass is a number to YAML",
    36: "5000",
    37: "there is no group nobody",
    38: "70000 is not a port",
    39: "unknown key haproxy.services.heat.prot",
}
"""What validate says, by the line that it is said of."""

OF_SECRETS = {4: "NOT_SET is not set", 26: "holds # or !", 32: "longer than 8"}
"""What only plan can say: it alone resolves secrets."""


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WITH_HASH", "a#b")
    monkeypatch.setenv("OF_NINE", "123456789")
    path = tmp_path / "cluster.yaml"
    path.write_text(WRONG)
    return path


def said_of(text: str, path: Path) -> dict[int, str]:
    """By line: all that was said of it."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        place, _, words = line.strip().removeprefix("error  ").partition(": ")
        if place.startswith(f"{path}:"):
            number = int(place.removeprefix(f"{path}:").split(":")[0])
            found[number] = found.get(number, "") + words
    return found


class TestEverythingAtOnce:
    def test_validate_names_every_line(self, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["validate", "-f", str(wrong)]) == 1
        output = capsys.readouterr()
        found = said_of(output.out + output.err, wrong)
        assert {line: words for line, words in SAID.items() if words not in found.get(line, "")} == {}
        assert "did you mean handover?" in output.out + output.err

    def test_plan_says_it_too_and_what_is_wrong_with_secrets(
        self, wrong: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["plan", "-f", str(wrong)]) == 1
        output = capsys.readouterr()
        found = said_of(output.out + output.err, wrong)
        expected = SAID | OF_SECRETS
        assert {line: words for line, words in expected.items() if words not in found.get(line, "")} == {}
        assert "123456789" not in output.out + output.err and "a#b" not in output.out + output.err

    def test_as_json(self, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["validate", "--json", "-f", str(wrong)]) == 1
        told = json.loads(capsys.readouterr().out)
        assert {problem["line"] for problem in told["problems"]} >= SAID.keys()


class TestOddFiles:
    @pytest.mark.parametrize("command", ["validate", "plan", "apply --yes", "drift", "status"])
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "No such file"),
            (b"", "empty"),
            (b"# nothing but a comment\n", "empty"),
            (bytes(range(256)) * 4, "not UTF-8"),
            (b"- a\n- list\n", "mapping"),
            (b"cluster: [\n", "YAML"),
            (b"a: &a [x]\nb: *c\n", "YAML"),
        ],
        ids=["missing", "empty", "comment", "binary", "list", "unclosed", "alias"],
    )
    def test_is_refused_in_one_message(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        command: str,
        content: bytes | None,
        words: str,
    ) -> None:
        path = tmp_path / "cluster.yaml"
        if content is not None:
            path.write_bytes(content)
        name, *options = command.split()
        assert run([name, "-f", str(path), *options]) == 1
        output = capsys.readouterr()
        assert words.lower() in (output.out + output.err).lower()
        assert str(path) in output.out + output.err

    def test_a_directory(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["plan", "-f", str(tmp_path)]) == 1
        assert "directory" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "line", ["# " + "x" * 97 + "\n", "  - [[[[{a: b}]]]]\n"], ids=["comments", "nested"]
    )
    def test_ten_megabytes_end_in_a_moment(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
    ) -> None:
        path = tmp_path / "cluster.yaml"
        path.write_text("cluster: big\nnodes:\n" + line * (10_000_000 // len(line)))
        began = time.monotonic()
        assert run(["validate", "-f", str(path)]) == 1
        assert time.monotonic() - began < 20
        assert "larger than" in capsys.readouterr().out

    def test_aliases_that_multiply(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A few lines that stand for billions: refused, or read in no time."""
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
        path = tmp_path / "cluster.yaml"
        path.write_text("\n".join(lines))
        began = time.monotonic()
        assert run(["validate", "-f", str(path)]) == 1
        assert time.monotonic() - began < 20


class TestCommandLines:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("aply", "No such command 'aply'"),
            ("plan --al", "No such option"),
            ("plan extra", "unexpected extra argument"),
            ("show", "Missing argument"),
            ("apply one two", "unexpected extra argument"),
        ],
    )
    def test_a_mistake_ends_with_1(self, capsys: pytest.CaptureFixture[str], line: str, words: str) -> None:
        assert run(line.split()) == 1
        output = capsys.readouterr()
        assert words in output.err and not output.out

    def test_a_cluster_of_the_lab_without_a_lab(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LBCTL_LAB", raising=False)
        path = tmp_path / "cluster.yaml"
        path.write_text(
            "cluster: no-lab-has-this-name\nlab: only\nnodes: {lb1: {address: 10.0.0.1}}\n"
            "haproxy: {defaults: 'mode http'}\n"
        )
        for command in ("plan", "drift", "status", "apply --yes"):
            name, *options = command.split()
            assert run([name, "-f", str(path), *options]) == 1
            assert "no lab is up" in capsys.readouterr().err
