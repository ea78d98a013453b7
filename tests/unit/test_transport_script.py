"""The text that is sent to a node, run by the shell of this machine: frames, failures, cuts, noise."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lbctl.model.command import Probe, command
from lbctl.transport import script

NONCE = "0123456789abcdef"


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder for the head of PATH, in which `id` says what a test wants."""
    return tmp_path


def ran(folder: Path, text: str, *, uid: int = 0, cut: int | None = None, before: str = "") -> bytes:
    """What the script prints, as `uid`, after `before`, when only its first `cut` characters arrive."""
    fake = folder / "id"
    fake.write_text(f"#!/bin/sh\necho {uid}\n")
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-s"], input=(before + text[:cut]).encode(), capture_output=True, env=env)
    return done.stdout


class TestReading:
    def test_every_answer_comes_whole(self, shell: Path) -> None:
        probes = [
            Probe("plain", "echo one; echo two"),
            Probe("bare", "printf 'no newline'"),
            Probe("bytes", r"printf '\000\377\n@x\r\n'"),
            Probe("nothing", ":"),
            Probe("failed", "echo said >&2; return 3"),
            Probe("reads", "cat; echo after"),
            Probe("mimic", f"echo '@{NONCE}x = 9'; echo '@{NONCE}'"),
        ]
        answers = script.read_answers(NONCE, ran(shell, script.reading(NONCE, probes)))
        assert answers is not None
        assert {name: (one.status, one.output) for name, one in answers.items()} == {
            "plain": (0, b"one\ntwo\n"),
            "bare": (0, b"no newline"),
            "bytes": (0, b"\0\xff\n@x\r\n"),
            "nothing": (0, b""),
            "failed": (3, b"said\n"),
            "reads": (0, b"after\n"),
            "mimic": (0, f"@{NONCE}x = 9\n@{NONCE}\n".encode()),
        }

    def test_noise_before_it_is_passed_over(self, shell: Path) -> None:
        noise = f"echo Welcome; echo '@{NONCE[:-1]}0 end'; printf 'no newline \\377'\n"
        output = ran(shell, script.reading(NONCE, [Probe("one", "echo 1")]), before=noise)
        answers = script.read_answers(NONCE, output)
        assert answers is not None and answers["one"].text == "1\n"

    def test_a_cut_script_runs_no_part_of_it(self, shell: Path, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        text = script.reading(NONCE, [Probe("one", f"touch {mark}")])
        for cut in range(1, text.rindex("main"), 7):
            assert script.read_answers(NONCE, ran(shell, text, cut=cut)) is None
            assert not mark.exists()

    def test_a_cut_answer_is_none(self, shell: Path) -> None:
        output = ran(shell, script.reading(NONCE, [Probe("one", "echo 1"), Probe("two", "echo 2")]))
        assert all(script.read_answers(NONCE, output[:end]) is None for end in range(len(output) - 2))


class TestWriting:
    def test_it_ends_at_the_first_command_that_fails(self, shell: Path) -> None:
        commands = [command("echo", "a b", "$HOME"), command("false"), command("echo", "never")]
        answers = script.answers(NONCE, ran(shell, script.writing(NONCE, commands)))
        assert answers is not None
        assert [(name, one.status, one.text) for name, one in answers.items()] == [
            ("0", 0, "a b $HOME\n"),
            ("1", 1, ""),
        ]

    def test_bytes_reach_a_command_as_they_are(self, shell: Path) -> None:
        data = bytes(range(256)) * 300
        answers = script.answers(NONCE, ran(shell, script.writing(NONCE, [command("cat", stdin=data)])))
        assert answers is not None and answers["0"].output == data


@pytest.mark.parametrize("uid", [0, 1000])
def test_whoever_is_not_root_runs_nothing(shell: Path, tmp_path: Path, uid: int) -> None:
    mark = tmp_path / "mark"
    for text in (
        script.reading(NONCE, [Probe("one", f"touch {mark}")]),
        script.writing(NONCE, [command("touch", str(mark))]),
    ):
        output = ran(shell, text, uid=uid)
        assert script.not_root(NONCE, output) is (uid != 0)
        assert mark.exists() is (uid == 0)


@pytest.mark.parametrize(("there", "said"), [((), ""), (("armed",), "not yet"), (("undoing",), "not yet")])
def test_rearm_says_whether_there_is_anything_to_put_back(
    tmp_path: Path, there: tuple[str, ...], said: str
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    text = f"{script.library()}\nbase={tmp_path}\nrearm plan\n"
    done = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said
