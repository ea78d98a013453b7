"""The script that reads, run by this machine's own sh, and what its answer survives."""

from __future__ import annotations

import os
import subprocess

import pytest

from lbctl.model.command import Answer, Probe
from lbctl.transport import script

NONCE = "0123456789abcdef"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the script refuses to read as anybody but root")


def _said(*probes: Probe) -> bytes:
    text = script.reading(NONCE, probes)
    return subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=True).stdout


@AS_ROOT
def test_each_fragment_has_its_output_to_the_byte_and_its_status() -> None:
    found = script.read_answers(
        NONCE,
        _said(
            Probe("plain", "echo one; echo two"),
            Probe("silent", ":"),
            Probe("unended", "printf 'no newline'"),
            Probe("bytes", "printf '\\000\\377\\n\\n'"),
            Probe("failed", "echo why >&2; return 3"),
        ),
    )
    assert found == {
        "plain": Answer(0, b"one\ntwo\n"),
        "silent": Answer(0, b""),
        "unended": Answer(0, b"no newline"),
        "bytes": Answer(0, b"\x00\xff\n\n"),
        "failed": Answer(3, b"why\n"),
    }


@AS_ROOT
def test_what_a_login_says_around_it_does_not_matter() -> None:
    said = b"Welcome!\r\n@nobody all aGk=\n" + _said(Probe("a", "echo x")).replace(b"\n", b"\r\n") + b"bye\n"
    assert script.read_answers(NONCE, said) == {"a": Answer(0, b"x\n")}


@AS_ROOT
def test_an_answer_that_is_cut_anywhere_is_none() -> None:
    said = _said(Probe("a", "echo x"))
    assert script.read_answers(NONCE, said) is not None
    for length in range(len(said)):
        assert script.read_answers(NONCE, said[:length]) is None


@AS_ROOT
def test_a_fragment_that_ends_the_shell_ends_only_what_comes_after_it() -> None:
    found = script.read_answers(
        NONCE, _said(Probe("a", "echo x"), Probe("b", "exit 0"), Probe("c", "echo z"))
    )
    assert found == {"a": Answer(0, b"x\n")}
