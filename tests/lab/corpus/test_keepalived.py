"""keepalived's own word on real configurations: their edits, and what it has of every instance and script.

Some of them, but for LBCTL_CORPUS_TRY=all (`make corpus`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from tests.lab.corpus import complaints, keepalived_dump
from tests.lab.corpus.bench import PLACE, Bench, Question, Said
from tests.lab.corpus.conftest import Documents
from tests.lab.corpus.edited import edits, harmless_keepalived
from tests.lab.corpus.keepalived_cases import cases
from tests.lab.corpus.test_haproxy import EDITS

pytestmark = pytest.mark.lab

CHECK = ("keepalived", "-t", "-f", "FILE")
BATCH, AT_ONCE = 60, 10
USABLE = (0, 5, 6)  # 5 = it complains and goes on, 6 = a warning about scripts
BRACES = re.compile(rb"Missing '[{}]' at|Extra '}' found")
Figures = Callable[[str, object], None]


def _usable(made: Bench, keepalived_files: Documents) -> dict[str, Counter[complaints.Complaint]]:
    """What the daemon says of each file that it can use.

    Not of one in which it misses a brace: there it takes the lines of one block for those of another, so that
    an edit of either is one of both. (And it crashes, where there is no other.)
    """
    said = made.ask([Question(name, one.render(), CHECK) for name, one in keepalived_files.items()])
    return {
        name: complaints.keepalived(answer.text, f"{PLACE}/{name}")
        for name, answer in said.items()
        if answer.status in USABLE and not BRACES.search(answer.text)
    }


def test_what_is_left_alone_stays_accepted(
    bookworm: Bench, keepalived_files: Documents, record_property: Figures
) -> None:
    before = _usable(bookworm, keepalived_files)
    assert len(before) > len(keepalived_files) // 3
    tried = {
        f"{number}.conf": one
        for number, one in enumerate(
            edit
            for name in before
            for edit in edits(keepalived_files[name], name, harmless_keepalived, EDITS)
        )
    }
    said = bookworm.ask([Question(name, one.content, CHECK) for name, one in tried.items()])
    wrong = []
    for name, one in tried.items():
        after = complaints.keepalived(said[name].text, f"{PLACE}/{name}", one.original)
        new = after.keys() - before[one.file].keys()
        if one.harmless and new:
            wrong.append(f"{one.title}: {new}")
        wrong += [f"{one.title}: {complaint}" for complaint in new if not one.concerns(complaint)]
    figures = f"{len(before)} of {len(keepalived_files)} files used; {len(tried)} edits"
    record_property("figures", f"keepalived 2.2: {figures}")
    assert wrong == []


def _dumps(made: Bench, texts: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """What the daemon has of each, few in one command: it takes a moment to start."""
    questions = [Question(name, text, keepalived_dump.COMMAND) for name, text in texts.items()]
    said: dict[str, Said] = {}
    for at in range(0, len(questions), BATCH):
        said |= made.ask(questions[at : at + BATCH], at_once=AT_ONCE)
    return {name: one.text for name, one in said.items()}


def test_it_has_what_it_had(bookworm: Bench, record_property: Figures) -> None:
    """The rows of tests/cases/keepalived/dump.yaml, which are held against the views without a lab."""
    rows = cases()
    said = _dumps(bookworm, {f"{number}.conf": one.text for number, one in enumerate(rows)})
    differ = {
        one.name: theirs
        for number, one in enumerate(rows)
        if (theirs := keepalived_dump.theirs(said[f"{number}.conf"])) != one.has
    }
    record_property(
        "figures", f"keepalived 2.2: {len(rows)} small files, {len(rows) - len(differ)} as written"
    )
    assert differ == {}


def test_it_has_what_the_views_say(
    bookworm: Bench, keepalived_files: Documents, record_property: Figures
) -> None:
    asked = {name: one for name, one in keepalived_files.items() if not keepalived_dump.beyond(one)}
    said = _dumps(bookworm, {name: one.render() for name, one in asked.items()})
    whole = [name for name in asked if keepalived_dump.WHOLE in said[name]]
    cut = [name for name in asked if keepalived_dump.BEGUN in said[name] and name not in whole]
    compared, differ = 0, {}
    for name in whole:
        theirs = keepalived_dump.theirs(said[name])
        ours = keepalived_dump.ours(asked[name], said[name])
        for thing in theirs.keys() | ours.keys():
            compared += 1
            if theirs.get(thing) != ours.get(thing):
                differ[f"{name} {thing}"] = (ours.get(thing), theirs.get(thing))
    figures = f"{len(asked)} files, {len(asked) - len(whole) - len(cut)} without a VRRP instance or refused"
    figures += f", {len(cut)} not dumped in time; {compared} instances and scripts"
    record_property("figures", f"keepalived 2.2: {figures}, {compared - len(differ)} agree")
    assert differ == {}
    assert len(cut) <= 1, cut  # one makes 800 interfaces
