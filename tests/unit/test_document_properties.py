"""The documents' properties, on what hypothesis thinks of. The long run is tests/fuzz/fuzz_documents.py."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import edits
from tests.fuzz.properties import HAPROXY, KEEPALIVED, TONGUES, Tongue, check, check_pair, check_word
from tests.fuzz.texts import PIECES

BOTH = pytest.mark.parametrize("tongue", TONGUES, ids=["haproxy", "keepalived"])


def _texts(name: str) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(PIECES[name]), max_size=30).map(b"".join)


@BOTH
@given(data=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes(tongue: Tongue, data: bytes) -> None:
    check(tongue, data)


@given(data=_texts("haproxy"), other=_texts("haproxy"))
@settings(max_examples=100, deadline=None)
def test_pieces_of_haproxy(data: bytes, other: bytes) -> None:
    check(HAPROXY, data)
    edits.check(HAPROXY, data)
    check_pair(HAPROXY, data, other)


@given(data=_texts("keepalived"), other=_texts("keepalived"))
@settings(max_examples=100, deadline=None)
def test_pieces_of_keepalived(data: bytes, other: bytes) -> None:
    check(KEEPALIVED, data)
    edits.check(KEEPALIVED, data)
    check_pair(KEEPALIVED, data, other)


@BOTH
@given(word=st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_a_quoted_word_comes_back(tongue: Tongue, word: str) -> None:
    check_word(tongue, word)
