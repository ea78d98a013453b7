"""keepalived's own word on real configurations: their edits, and what it has of every instance and script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from lbctl import keepalived
from lbctl.document import Document
from tests.corpus import ALL, files, require
from tests.lab.conftest import Labs
from tests.lab.corpus import complaints, keepalived_dump, stubs
from tests.lab.corpus.bench import PLACE, Bench, Question, bench
from tests.lab.corpus.edited import edits, harmless_keepalived
from tests.lab.corpus.test_haproxy import EDITS

pytestmark = pytest.mark.lab

CHECK = ("keepalived", "-t", "-f", "FILE")
USABLE = (0, 5, 6)  # 5 = it complains and goes on, 6 = a warning about scripts
Figures = Callable[[str, object], None]


@pytest.fixture(scope="module")
def documents() -> Mapping[str, Document]:
    require()
    return {file.name: keepalived.parse(file.read_bytes(), file.name) for file in files("keepalived")}


@pytest.fixture(scope="module")
def bookworm(labs: Labs, documents: Mapping[str, Document]) -> Bench:
    made = bench(labs, "bookworm")
    made.make(stubs.keepalived(documents.values()))
    return made


def _usable(made: Bench, documents: Mapping[str, Document]) -> dict[str, Counter[complaints.Complaint]]:
    """What the daemon says of each file that it can use."""
    said = made.ask([Question(name, one.render(), CHECK) for name, one in documents.items()])
    return {
        name: complaints.keepalived(answer.text, f"{PLACE}/{name}")
        for name, answer in said.items()
        if answer.status in USABLE
    }


def test_what_is_left_alone_stays_accepted(
    bookworm: Bench, documents: Mapping[str, Document], record_property: Figures
) -> None:
    before = _usable(bookworm, documents)
    assert len(before) > 60
    tried = {
        f"{number}.conf": one
        for number, one in enumerate(
            edit for name in before for edit in edits(documents[name], name, harmless_keepalived, EDITS)
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
    figures = f"{len(before)} of {len(documents)} files used; {len(tried)} edits"
    record_property("figures", f"keepalived 2.2: {figures}")
    assert wrong == []


def test_it_has_what_the_views_say(
    bookworm: Bench, documents: Mapping[str, Document], record_property: Figures
) -> None:
    asked = documents if ALL else dict(list(documents.items())[::8])
    said = bookworm.ask(
        [Question(name, one.render(), keepalived_dump.COMMAND) for name, one in asked.items()]
    )
    compared, differ = 0, {}
    for name, one in asked.items():
        theirs, ours = keepalived_dump.theirs(said[name].text), keepalived_dump.ours(one)
        for thing in theirs.keys() | ours.keys():
            compared += 1
            if theirs.get(thing) != ours.get(thing):
                differ[f"{name} {thing}"] = (ours.get(thing), theirs.get(thing))
    record_property("figures", f"keepalived 2.2: {compared} instances and scripts of {len(asked)} files")
    assert differ == {}
