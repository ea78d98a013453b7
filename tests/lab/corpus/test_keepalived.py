"""keepalived's own word on real configurations: their edits, and what it has of every instance and script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from tests.lab.corpus import complaints, keepalived_dump
from tests.lab.corpus.bench import PLACE, Bench, Question
from tests.lab.corpus.conftest import Documents
from tests.lab.corpus.edited import edits, harmless_keepalived
from tests.lab.corpus.test_haproxy import EDITS

pytestmark = pytest.mark.lab

CHECK = ("keepalived", "-t", "-f", "FILE")
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
    assert len(before) > 60
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


def test_it_has_what_the_views_say(
    bookworm: Bench, keepalived_files: Documents, record_property: Figures
) -> None:
    asked = {name: one for name, one in keepalived_files.items() if not keepalived_dump.beyond(one)}
    said = bookworm.ask(
        [Question(name, one.render(), keepalived_dump.COMMAND) for name, one in asked.items()], at_once=6
    )
    compared, differ, silent = 0, {}, 0
    for name, one in asked.items():
        theirs = keepalived_dump.theirs(said[name].text)
        ours = keepalived_dump.ours(one, said[name].text)
        silent += not theirs
        for thing in (theirs.keys() | ours.keys()) if theirs else ():
            compared += 1
            if theirs.get(thing) != ours.get(thing):
                differ[f"{name} {thing}"] = (ours.get(thing), theirs.get(thing))
    figures = f"{compared} instances and scripts of {len(asked)} files, {silent} of them refused"
    record_property("figures", f"keepalived 2.2: {figures}; {compared - len(differ)} agree")
    assert differ == {}
