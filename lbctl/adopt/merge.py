"""What was changed by hand on the nodes, taken into the text that their files are rendered from.

Lines are those of files as they may be shown: no secret is in them, and none is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from lbctl.adopt.template import Subjects, template
from lbctl.document import MASK
from lbctl.model.reference import escaped

_TOKEN = re.compile(r"[ \t\r\v\f]+|[^ \t\r\v\f]+")


@dataclass(frozen=True)
class Rendered:
    """A node's file: its lines as the last apply left them, and as they are now.

    `sources` has a number for each applied line: that of its line in the text, from 1. `masked` are the live
    lines, from 0, in which something may not be shown.
    """

    node: str
    applied: tuple[str, ...]
    live: tuple[str, ...]
    sources: tuple[int, ...]
    masked: frozenset[int] = frozenset()


@dataclass(frozen=True, order=True)
class Edit:
    """Lines `first` to `last` of a text become `lines`; `last` < `first` = they are put before `first`."""

    first: int
    last: int
    lines: tuple[str, ...]


class CannotMergeError(ValueError):
    """A change that a person has to take in; it says which, and why."""


def edits(text: Sequence[str], files: Sequence[Rendered], nodes: Subjects) -> tuple[Edit, ...]:
    """What was changed by hand on any node, as edits of the text that they were rendered from.

    Raises CannotMergeError where nodes were changed in different ways, or a secret was.
    """
    each = {file.node: list(_edits(text, file)) for file in files}
    found: dict[tuple[int, int], dict[str, tuple[str, ...]]] = {}
    for node, own in each.items():
        for edit in own:
            found.setdefault((edit.first, edit.last), {})[node] = edit.lines
    made = sorted(Edit(*place, _one(place, lines, nodes)) for place, lines in found.items())
    for one, other in pairwise(made):
        if other.first <= one.last:
            raise CannotMergeError(
                f"line {other.first} was changed on some nodes in one way, on others in another"
            )
    return tuple(made)


def merged(applied: Sequence[str], now: Sequence[str], found: Sequence[Edit]) -> tuple[str, ...]:
    """The text of now with edits of the applied one. Raises CannotMergeError where both changed a line."""
    blocks = SequenceMatcher(None, applied, now, autojunk=False).get_matching_blocks()
    lines = list(now)
    for edit in sorted(found, reverse=True):
        start, end = edit.first - 1, max(edit.last, edit.first - 1)
        at = next((b.b - b.a for b in blocks if b.a <= start and end <= b.a + b.size and b.size), None)
        if at is None:
            where = f"line {edit.first}" if edit.last <= edit.first else f"lines {edit.first} to {edit.last}"
            raise CannotMergeError(
                f"{where} of what was applied last: the file here was changed in the same place"
            )
        lines[start + at : end + at] = edit.lines
    return tuple(lines)


def _edits(text: Sequence[str], file: Rendered) -> Iterator[Edit]:
    matcher = SequenceMatcher(None, file.applied, file.live, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        first = file.sources[a1] if a1 < a2 else (file.sources[a1 - 1] + 1 if a1 else 1)
        last = file.sources[a2 - 1] if a1 < a2 else first - 1
        inside = [n for n, source in enumerate(file.sources) if first <= source <= last]
        if inside and (inside[0], inside[-1] + 1) != (a1, a2):
            raise CannotMergeError(
                f"line {first} stands for several, and not all of them were changed on {file.node}"
            )
        hidden = {number - b1 for number in file.masked if b1 <= number < b2}
        lines = _lines(text[first - 1 : last], file.applied[a1:a2], file.live[b1:b2], hidden)
        yield Edit(first, last, tuple(lines))


def _lines(
    text: Sequence[str], applied: Sequence[str], live: Sequence[str], hidden: Set[int]
) -> Iterator[str]:
    """The live lines as they are written in the text; a reference stays where its word is what it was."""
    alike = len(text) == len(applied) == len(live)
    for number, line in enumerate(live):
        pieces = [_TOKEN.findall(one) for one in (text[number], applied[number], line)] if alike else []
        if pieces and len({len(one) for one in pieces}) == 1:
            words = zip(*pieces, strict=True)
            new = "".join(own if was == now else escaped(now) for own, was, now in words)
        else:
            new = escaped(line)
        if number in hidden and MASK in new:
            raise CannotMergeError("a line with a secret was changed: take it in by hand")
        yield new


def _one(place: tuple[int, int], each: dict[str, tuple[str, ...]], nodes: Subjects) -> tuple[str, ...]:
    """One text of what the nodes have there; where only what is known of them differs, with a reference."""
    if len(set(each.values())) == 1:
        return next(iter(each.values()))
    texts = tuple("\n".join(each.get(name, ())) for name in nodes.names)
    found = template(texts, nodes, {}) if len(each) == len(nodes.names) else None
    if found is None or found.values:
        raise CannotMergeError(f"line {place[0]}: {', '.join(each)} were changed in different ways")
    return tuple(found.text.split("\n"))
