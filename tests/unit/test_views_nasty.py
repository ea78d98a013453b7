"""Whatever stands in a file or comes from a node, no view obeys it, loses it or breaks on it."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from lbctl.errors import InputError, LbctlError
from lbctl.views.escape import HIDDEN, safe
from lbctl.views.human import HumanView
from lbctl.views.json import JsonView
from lbctl.views.view import View
from tests.cases.views import samples

CASES = Path(__file__).parent.parent / "cases" / "views" / "nasty.txt"
NASTY = [
    line.encode("ascii", "backslashreplace").decode("unicode_escape")
    for line in CASES.read_text(encoding="utf-8").splitlines()
]
LONG = ["x" * 5000, "word " * 1000 + "end"]


def _everything(view: View, word: str) -> None:
    view.plan(samples.plan(word), text=True)
    for event in samples.events(word):
        view.event(event)
    view.report(samples.report(word))
    view.drift(samples.drift(word), text=True)
    view.status("openstack-api", samples.status(word), ["10.15.85.31"], {"lb4": word})
    view.election(word, samples.election(word))
    view.forgotten(samples.forgotten(word))
    view.imported(samples.adopted(word))
    view.merged(samples.merged(word))
    view.proposed(samples.proposed(word))
    view.drained(samples.drained(word))
    view.runs(samples.runs(word))
    view.packed(samples.pack(word))
    view.problems(samples.plan(word).problems)
    view.warnings(samples.plan(word).problems)
    view.error(LbctlError(word, detail=word, mend=word))
    view.error(InputError(samples.plan(word).problems))
    view.note(word)
    view.raw(word.encode("utf-8", "surrogateescape"))
    view.close()


def _plain(word: str) -> str:
    out = io.StringIO()
    _everything(HumanView(out, out), word)
    return out.getvalue()


def _terminal(word: str) -> str:
    out = Tty()
    _everything(HumanView(out, out, color=False, width=80), word)
    return out.getvalue()


def _json(word: str) -> str:
    out = io.StringIO()
    _everything(JsonView(out, out), word)
    return out.getvalue()


class Tty(io.StringIO):
    """A terminal for whoever asks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("word", NASTY + LONG)
@pytest.mark.parametrize("shown", [_plain, _json])
def test_nothing_that_a_terminal_obeys_gets_out(shown: Callable[[str], str], word: str) -> None:
    hidden = {c for c in shown(word) if unicodedata.category(c) in HIDDEN and c != "\n"}
    assert hidden == set()


@pytest.mark.parametrize("word", NASTY + LONG)
def test_a_person_sees_all_of_it_on_one_line(word: str) -> None:
    first = safe(word)
    assert f"note: 2 of 3 servers stay, {first}" in _plain(word)
    assert f"Stopped at lb2: {first}." in _plain(word)


@pytest.mark.parametrize("word", NASTY)
def test_a_terminal_gets_none_of_its_sequences(word: str) -> None:
    """The view's own drawing uses escapes; none of those that the word carries is among them."""
    drawn = _terminal(word)
    for sequence in ("\x1b[2J", "\x1b]", "\x9b", "\x07", "\u202e", "\u2066", "\u200b"):
        assert sequence not in drawn


@pytest.mark.parametrize("word", NASTY)
def test_json_is_json_whatever_is_in_it(word: str) -> None:
    out = io.StringIO()
    view = JsonView(out, out)
    view.plan(samples.plan(word))
    form = json.loads(out.getvalue())
    form["changes"][0]["note"].encode("utf-8")
    assert form["document"] == "plan"


@pytest.mark.parametrize("shown", [_plain, _terminal, _json])
def test_no_secret_gets_out(shown: Callable[[str], str]) -> None:
    assert samples.SECRET not in shown("cinder")
