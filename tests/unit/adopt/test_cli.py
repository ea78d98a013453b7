"""lbctl import, as it is typed: what is refused before anybody is connected to."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl import __main__

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no host is named"),
        (["root@lb1"], "root@lb1 names a user"),
        (["lb1", "lb1"], "lb1 is named twice"),
        (["a b=lb1"], "'a b=lb1' is neither HOST nor NAME=HOST"),
        (["-lb1=x"], "No such option"),
        (["--cluster", "a b", "lb1"], "'a b' cannot be a cluster's name"),
        (["--become", "su", "lb1"], "--become knows no 'su'"),
        (["--become-password-env", "X", "lb1"], "--become-password-env is for sudo"),
        (["--become", "sudo", "--become-password-env", "pass word", "lb1"], "takes the name of a variable"),
        (["--become", "sudo", "--become-password-env", "NOT_SET", "lb1"], "variable NOT_SET is not set"),
        (["--merge", "lb1"], "--merge is for the cluster file's own nodes"),
        (["--merge", "--services"], "--merge and --services are two things"),
        (["--lab", "--cluster", "no-such-cluster", "lb1"], "no lab is up for cluster no-such-cluster"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert __main__.run(["import", *words]) == 1
    shown = capsys.readouterr()
    assert said in shown.err and shown.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_shown_where_its_variable_was_asked_for(capsys: Captured) -> None:
    assert __main__.run(["import", "--become", "sudo", "--become-password-env", "open sesame", "lb1"]) == 1
    shown = capsys.readouterr()
    assert "sesame" not in shown.out + shown.err
