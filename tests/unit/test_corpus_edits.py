"""Each statement of the real configurations removed, each word of it changed: exactly that, and no more.

As many as need SAMPLE bytes to be read again, for each kind of edit of each file.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.corpus import ALL, TONGUES, each
from tests.fuzz.edits import check_removed, check_reworded, check_rewritten, spans_of
from tests.fuzz.properties import parse

SAMPLE = 20_000_000 if ALL else 30_000  # the first is everything in files of up to 25 kB
LEAST = 1  # of the largest
T = TypeVar("T")


def _sample(items: Sequence[T], size: int) -> Sequence[T]:
    """As many as fit, always the same ones."""
    count = max(LEAST, SAMPLE // (size + 500))
    return items if len(items) <= count else random.Random(size).sample(items, count)


@each()
@pytest.mark.timeout(7200)  # of all statements
def test_a_statement_removed_is_all_that_is_gone(name: str, file: Path) -> None:
    document = parse(TONGUES[name], file.read_bytes())
    statements = [one for _, one in document.walk()]
    for statement in _sample(statements, len(document.render())):
        check_removed(document, statement)


@each()
@pytest.mark.timeout(7200)
def test_a_word_changed_is_all_that_is_other(name: str, file: Path) -> None:
    document = parse(TONGUES[name], file.read_bytes())
    words = [
        (one, index)
        for _, one in document.walk()
        if spans_of(document, one)
        for index in range(1, len(one.words))
    ]
    for statement, index in _sample(words, len(document.render())):
        check_reworded(TONGUES[name], document, statement, index)


@each()
@pytest.mark.timeout(7200)
def test_a_statement_written_anew_is_the_same(name: str, file: Path) -> None:
    document = parse(TONGUES[name], file.read_bytes())
    alone = [one for _, one in document.walk() if spans_of(document, one)]
    for statement in _sample(alone, len(document.render())):
        check_rewritten(TONGUES[name], document, statement)
