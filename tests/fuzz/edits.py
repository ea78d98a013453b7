"""What an edit of one statement leaves alone: every other byte and word, and what a diff says of them."""

from __future__ import annotations

import re
from itertools import islice

from lbctl.document import Document, Statement, edit, encode
from lbctl.errors import InputError
from lbctl.planning.semantic import STATEMENT, DocumentChange, diff
from tests.fuzz.properties import Tongue, parse

Tree = tuple[tuple[tuple[str, ...], bool, "Tree"], ...]
NEW_WORDS = ("zzz9", "z z#9")
UNWRITTEN = re.compile(r"[\x00-\x1f\x7f]|\\$")

FIRST = 6


def check(tongue: Tongue, data: bytes) -> None:
    """Every edit of the first statements of a text in which the parser finds nothing wrong."""
    document = parse(tongue, data)
    if document.problems or b"\r" in data:
        return
    for _, statement in islice(document.walk(), FIRST):
        if not statement.keyword.startswith("."):  # without it, other lines stand within a condition
            _check_statement(tongue, document, statement)


def _check_statement(tongue: Tongue, document: Document, statement: Statement) -> None:
    try:
        check_removed(document, statement)
    except InputError as error:
        assert "a condition is not wholly within" in str(error)
        return
    if spans_of(document, statement):
        check_rewritten(tongue, document, statement)
        for index in range(1, len(statement.words)):
            check_reworded(tongue, document, statement, index)


def check_removed(document: Document, statement: Statement) -> None:
    """Its own bytes alone are gone, everything else means what it meant, and a diff tells of it alone."""
    less = edit.remove(document, statement)
    assert _taken(document, statement, less).strip()
    assert tree(less.statements) == tree(document.statements, without=statement)
    changes = [str(change) for change in _told(document, less)]
    assert changes, "a diff does not tell of it"
    # what inherited from a defaults section that is gone
    own = [text for text in changes if "~ inherits" not in text]
    assert all(": - " in text or text.startswith("- ") for text in own), changes
    assert statement.block or len(changes) == 1, changes
    assert changes == own or statement.keyword == "defaults", changes


def check_reworded(tongue: Tongue, document: Document, statement: Statement, index: int) -> None:
    """Another word in the place of one: every other byte stays, and so does every other word."""
    text = NEW_WORDS[index % len(NEW_WORDS)]
    spans = spans_of(document, statement)
    raw = document.lines[statement.line - 1].raw
    start, end = spans[index]
    new = encode(tongue.language.quote(text))
    line = raw[spans[0][0] : start] + new + raw[end : spans[-1][1]]
    after = edit.replace(document, statement, line.decode("utf-8", "surrogateescape"))
    raws = [line.raw for line in document.lines]
    raws[statement.line - 1] = raw[:start] + new + raw[end:]
    assert after.render() == b"".join(raws)
    words = (*statement.words[:index], text, *statement.words[index + 1 :])
    assert tree(after.statements) == tree(document.statements, {id(statement): words})
    told = "".join(sorted(change.action for change in _told(document, after)))
    assert told in ("~", "+-"), told


def check_rewritten(tongue: Tongue, document: Document, statement: Statement) -> None:
    """A statement written anew from its words has the same ones, and nothing else has moved.

    But for words with control characters (`send x\\r\\n`) or, in keepalived, a backslash at the end: these
    are not written from words.
    """
    try:
        text = tongue.language.statement(statement.words)
    except InputError:
        assert any(UNWRITTEN.search(word) for word in statement.words)
        return
    after = edit.replace(document, statement, text)
    assert tree(after.statements) == tree(document.statements)
    assert not _told(document, after)
    assert _around(document, statement) == _around(after, statement)


def tree(
    statements: tuple[Statement, ...],
    words: dict[int, tuple[str, ...]] | None = None,
    without: Statement | None = None,
) -> Tree:
    """The statements' words without their lines; `words` are others for some, by id."""
    other = words or {}
    return tuple(
        (other.get(id(one), one.words), one.block, tree(one.children, words, without))
        for one in statements
        if one is not without
    )


def spans_of(document: Document, statement: Statement) -> list[tuple[int, int]]:
    """The bytes of each word of a statement on its line; none where it is not alone on one line."""
    scanned = document.language.scan(document.lines[statement.line - 1].raw).words
    if (
        statement.block
        or statement.line != statement.last
        or tuple(word.text for word in scanned) != statement.words
    ):
        return []
    return [(word.start, word.end) for word in scanned]


def _told(before: Document, after: Document) -> list[DocumentChange]:
    return [change for change in diff(before, after) if change.kind == STATEMENT]


def _around(document: Document, statement: Statement) -> list[bytes]:
    """The lines that a statement has nothing on."""
    return [line.raw for line in document.lines if line.number != statement.line]


def _taken(document: Document, statement: Statement, less: Document) -> bytes:
    """The one piece of the statement's lines that is missing in `less`; every other byte is there."""
    raws = [line.raw for line in document.lines]
    head, tail = b"".join(raws[: statement.line - 1]), b"".join(raws[statement.last :])
    own, left = b"".join(raws[statement.line - 1 : statement.last]), less.render()
    assert left.startswith(head) and left.endswith(tail) and len(left) >= len(head) + len(tail)
    left = left[len(head) : len(left) - len(tail)]
    same = next(
        (at for at, (one, other) in enumerate(zip(own, left, strict=False)) if one != other), len(left)
    )
    end = same + len(own) - len(left)
    assert own[:same] + own[end:] == left
    return own[same:end]
