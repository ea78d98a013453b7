"""Change one statement of a document and not one byte more.

New lines get the file's own line ending and the block's own indentation. Every edit reads the result
afresh, so its statements and problems are those of the new text; statements of the old document are not
valid in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lbctl.document.text import Document, Statement, encode
from lbctl.errors import InputError, Place, Problem

INDENT = b"    "


def insert(document: Document, after: int, *texts: str) -> Document:
    """Put whole lines after line number `after`, 0 = before the first; indentation is the caller's.

    A last line without newline gets one first. Raises InputError where a text holds a newline.
    """
    raws = [line.raw for line in document.lines]
    _put(document, raws, after, [encode(_one_line(document, text)) for text in texts])
    return _read(document, raws)


def append(document: Document, block: Statement, *texts: str) -> Document:
    """Put lines at the end of a section or block, as its own lines are indented.

    A block that is closed on a line with other words is opened up: its closing brace moves to a line of
    its own.
    """
    return append_to_each(document, [block], *texts)


def append_to_each(document: Document, blocks: Sequence[Statement], *texts: str) -> Document:
    """The same lines at the end of several blocks; the result is read only once.

    No two may end on one line.
    """
    content = [encode(_one_line(document, text)) for text in texts]
    raws = [line.raw for line in document.lines]
    for block in sorted(blocks, key=lambda one: one.last, reverse=True):
        lead = _lead(document, block)
        _put_at_end(document, raws, block, [lead + text for text in content])
    return _read(document, raws)


def replace(document: Document, statement: Statement, text: str) -> Document:
    """Write one statement anew, on one line; its indentation and its line's comment stay.

    Raises InputError as `remove` and `insert` do.
    """
    _whole(document, statement)
    new = encode(_one_line(document, text))
    raws = [line.raw for line in document.lines]
    start, end = _span(document, statement)
    first, last = raws[statement.line - 1], raws[statement.last - 1]
    raws[statement.line - 1 : statement.last] = [first[:start] + new + last[end:]]
    return _read(document, raws)


def remove(document: Document, statement: Statement) -> Document:
    """Take one statement out, with its whole lines and their comments where nothing else stands on them.

    Raises InputError for a section in which a condition begins or ends that is not wholly its own.
    """
    _whole(document, statement)
    raws = [line.raw for line in document.lines]
    if not _shares(document, statement):
        del raws[statement.line - 1 : statement.last]
        return _read(document, raws)
    start, end = _span(document, statement)
    first, last = raws[statement.line - 1], raws[statement.last - 1]
    raws[statement.line - 1 : statement.last] = [first[:start].rstrip(b" \t") + last[end:]]
    return _read(document, raws)


def _one_line(document: Document, text: str) -> str:
    if "\n" in text or "\r" in text:
        raise InputError([Problem("one line may not hold a newline", Place(document.file), code="newline")])
    return text


def _whole(document: Document, statement: Statement) -> None:
    depths = [(one.keyword == ".if") - (one.keyword == ".endif") for one in statement.children]
    if sum(depths) or min(accumulate(depths), default=0) < 0:
        text = f"a condition is not wholly within '{' '.join(statement.words[:2])}'"
        mend = "take it out by hand, with its .if and .endif"
        raise InputError([Problem(text, Place(document.file, statement.line), mend, code="condition")])


def _read(document: Document, raws: Sequence[bytes]) -> Document:
    return document.language.parse(b"".join(raws), document.file)


def _put(document: Document, raws: list[bytes], after: int, lines: Sequence[bytes]) -> None:
    """Lines after a line number; earlier numbers stay true."""
    if 0 < after <= len(raws) and not raws[after - 1].endswith(b"\n"):
        raws[after - 1] += document.ending
    raws[after:after] = [line + document.ending for line in lines]


def _indentation(raw: bytes) -> bytes:
    return raw[: len(raw) - len(raw.lstrip(b" \t"))]


def _lead(document: Document, block: Statement) -> bytes:
    """How the lines of this block are indented.

    As its last line of its own, else one step more than its header.
    """
    for child in reversed(block.children):
        # what comes after `last`, and a condition of the preprocessor, is often written at the left edge
        if block.line < child.line <= block.last and not child.keyword.startswith("."):
            return _indentation(document.lines[child.line - 1].raw)
    header = _indentation(document.lines[block.line - 1].raw)
    steps = (
        _indentation(document.lines[child.line - 1].raw)
        for one in document.statements
        for child in one.children
        if child.line != one.line
    )
    return header + next((step for step in steps if step), INDENT)


def _put_at_end(document: Document, raws: list[bytes], block: Statement, lines: Sequence[bytes]) -> None:
    if not document.language.braces:
        return _put(document, raws, block.last, lines)
    last = document.lines[block.last - 1]
    if last.words == ("}",) and block.line != block.last:
        return _put(document, raws, block.last - 1, lines)
    start, _ = _brace(document, block)
    ending = document.ending
    closing = _indentation(document.lines[block.line - 1].raw) + last.raw[start:]
    head = last.raw[:start].rstrip(b" \t")
    raws[block.last - 1 : block.last] = [
        *([head + ending] if head else []),
        *(line + ending for line in lines),
        closing,
    ]
    return None


def _brace(document: Document, block: Statement) -> tuple[int, int]:
    """Where on its last line the block's closing brace stands; the end of the line where it is missing."""
    content = document.lines[block.last - 1].raw.rstrip(b"\r\n")
    blocks = [one for _, one in document.walk() if one.block]
    # outermost first, as a walk gives them
    open_ = [one for one in blocks if one.line < block.last <= one.last]
    opened = iter([one for one in blocks if one.line == block.last])
    for number, word in enumerate(document.language.scan(content).words):
        if word.end - word.start != 1:
            continue
        if word.text == "{" and number:
            open_.extend([one for one in [next(opened, None)] if one])
        elif word.text == "}" and open_ and open_.pop() is block:
            return word.start, word.end
    return len(content), len(content)


def _span(document: Document, statement: Statement) -> tuple[int, int]:
    """The bytes of a statement: its start on its first line, its end on its last."""
    content = document.lines[statement.line - 1].raw.rstrip(b"\r\n")
    words = document.language.scan(content).words
    place = _place(document, statement, tuple(word.text for word in words))
    start = words[place].start
    if statement.block and document.language.braces:
        return start, _brace(document, statement)[1]
    if statement.line != statement.last:
        return start, len(document.lines[statement.last - 1].raw.rstrip(b"\r\n"))
    return start, words[min(place + len(statement.words), len(words)) - 1].end


def _place(document: Document, statement: Statement, texts: tuple[str, ...]) -> int:
    """Which word of its first line a statement begins with: those before it on the line come first."""
    place = 0
    for _, one in document.walk():
        if one.line != statement.line:
            continue
        count = len(one.words)
        place = next((at for at in range(place, len(texts)) if texts[at : at + count] == one.words), place)
        if one is statement:
            break
        place = min(place + count, len(texts) - 1)
    return place


def _shares(document: Document, statement: Statement) -> bool:
    """Whether another statement, or the brace of the block around it, stands on a line of this one."""
    inside = {id(one) for one in (statement, *_below(statement))}
    edges = {statement.line, statement.last}
    return any(
        id(one) not in inside and (one.line in edges or (document.language.braces and one.last in edges))
        for _, one in document.walk()
    )


def _below(statement: Statement) -> list[Statement]:
    return [one for child in statement.children for one in (child, *_below(child))]
