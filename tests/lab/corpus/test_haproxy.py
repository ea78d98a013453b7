"""HAProxy's own word on real configurations: their edits, and the words of every line.

Some of them, but for LBCTL_CORPUS_TRY=all (`make corpus`).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest

from lbctl import haproxy
from tests.corpus import ALL
from tests.lab.corpus import complaints, haproxy_dump, stubs
from tests.lab.corpus.bench import PLACE, Bench, Question
from tests.lab.corpus.conftest import Documents
from tests.lab.corpus.edited import edits, harmless_haproxy

pytestmark = pytest.mark.lab

CHECK = ("haproxy", "-c", "-dr", "-f", "FILE")
FAULTY = re.compile(r"\.cfg:(\d+)\]: (?:unmatched|truncated|forbidden)")
BATCH = 20
GOOD = (0, 2)  # 2 = no error, and no listener
EDITS = 3 if ALL else 1  # of each kind, a file
LINES = 20_000 if ALL else 2_000


def _accepted(made: Bench, haproxy_files: Documents) -> dict[str, Counter[complaints.Complaint]]:
    """What the daemon says of each file that it can use."""
    said = made.ask([Question(name, one.render(), CHECK) for name, one in haproxy_files.items()])
    return {
        name: complaints.haproxy(answer.text, f"{PLACE}/{name}")
        for name, answer in said.items()
        if answer.status in GOOD
    }


def test_what_is_left_alone_stays_accepted(
    bookworm: Bench, haproxy_files: Documents, record_property: Callable[[str, object], None]
) -> None:
    before = _accepted(bookworm, haproxy_files)
    assert len(before) > len(haproxy_files) // 3
    tried = {
        f"{number}.cfg": one
        for number, one in enumerate(
            edit for name in before for edit in edits(haproxy_files[name], name, harmless_haproxy, EDITS)
        )
    }
    said = bookworm.ask([Question(name, one.content, CHECK) for name, one in tried.items()])
    wrong, refused = [], 0
    for name, one in tried.items():
        after = complaints.haproxy(said[name].text, f"{PLACE}/{name}", one.original)
        new = after - before[one.file]
        refused += said[name].status not in GOOD
        if one.harmless and said[name].status not in GOOD:
            wrong.append(f"{one.title}: {said[name].status} {said[name].text!r}")
        wrong += [f"{one.title}: {complaint}" for complaint in new if not one.concerns(complaint)]
    figures = (
        f"{len(before)} of {len(haproxy_files)} files accepted; {len(tried)} edits, {refused} of them refused"
    )
    record_property("figures", f"HAProxy 2.6: {figures}")
    assert wrong == []


@pytest.mark.parametrize("marks", [False, True], ids=["as it is", "blanks marked"])
def test_3_0_has_the_same_words(
    trixie: Bench,
    haproxy_files: Documents,
    marks: bool,
    record_property: Callable[[str, object], None],
) -> None:
    accepted = _accepted(trixie, haproxy_files)
    asked = {name: haproxy_files[name] for name in accepted}
    if marks:
        asked = {name: haproxy.parse(haproxy_dump.marked(one), name) for name, one in asked.items()}
    said = trixie.ask(
        [
            Question(name, one.render(), haproxy_dump.command(stubs.literal(one)))
            for name, one in asked.items()
        ]
    )
    found = {name: haproxy_dump.compare(one, said[name].text) for name, one in asked.items()}
    lines, words = sum(one.lines for one in found.values()), sum(one.words for one in found.values())
    agreed = lines - sum(len(one.differ) for one in found.values())
    figures = f"{len(found)} files accepted, {lines} lines, {words} words; {agreed} lines agree"
    record_property("figures", f"HAProxy 3.0: {figures}")
    assert {name: one.differ for name, one in found.items() if one.differ} == {}


def test_3_0_takes_any_line_apart_as_we_do(
    trixie: Bench, record_property: Callable[[str, object], None]
) -> None:
    """Quotes, escapes, blanks and comments in every order. What we call a fault, the daemon refuses."""
    lines = haproxy_dump.any_lines(random.Random(30), LINES)
    good = [line for line in lines if not haproxy.LANGUAGE.scan(line).faults]
    document = haproxy.parse(b"".join(good))
    said = trixie.ask([Question("good.cfg", document.render(), haproxy_dump.command({"A": "${A}"}))])
    found = haproxy_dump.compare(document, said["good.cfg"].text)
    # few at a time: after some faults the daemon reads no further
    bad = [line for line in lines if haproxy.LANGUAGE.scan(line).faults]
    batches = [b"".join(bad[at : at + BATCH]) for at in range(0, len(bad), BATCH)]
    refused = trixie.ask([Question(f"{number}.cfg", text, CHECK) for number, text in enumerate(batches)])
    told = {
        (name, int(number))
        for name, one in refused.items()
        for number in FAULTY.findall(one.text.decode("latin-1"))
    }
    record_property(
        "figures", f"HAProxy 3.0: {len(good)} lines at random read alike, {len(told)} refused alike"
    )
    assert found.differ == ()
    assert len(told) == len(bad)
