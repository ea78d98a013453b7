"""What was changed by hand on the nodes, taken into the text that their files are rendered from.

Lines are those of files as they may be shown: no secret is in them, and none is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from lbctl.adopt.template import Subjects, template
from lbctl.document import MASK
from lbctl.model.reference import REFERENCE, escaped

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

    @property
    def length(self) -> int:
        """How many lines go."""
        return self.last - self.first + 1

    def touches(self, other: Edit) -> bool:
        """Do both change a line, or put lines in side by side, so that their order is anybody's guess?"""
        apart = self.last + 1 - other.first, other.last + 1 - self.first
        return min(apart) > 0 or (min(apart) == 0 and self._adds and other._adds)

    @property
    def _adds(self) -> bool:
        return len(self.lines) > self.length


class CannotMergeError(ValueError):
    """A change that a person has to take in; it says which, and why. `detail` are its lines."""

    def __init__(self, said: str, detail: str = "") -> None:
        super().__init__(said)
        self.detail = detail


def edits(text: Sequence[str], files: Sequence[Rendered], nodes: Subjects) -> tuple[Edit, ...]:
    """What was changed by hand on any node, as edits of the text that they were rendered from.

    Raises CannotMergeError where nodes were changed in different ways, or a secret was, or on some nodes a
    word that each has of its own.
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
    for place, lines in found.items():
        if len(lines) < len(nodes.names):
            _refuse_own_words(text, place, lines)
    return tuple(made)


def _refuse_own_words(
    text: Sequence[str], place: tuple[int, int], each: Mapping[str, tuple[str, ...]]
) -> None:
    """A change on some nodes is taken for all: never where each of them has a value of its own."""
    first, last = place
    lost = Counter(_own_words(text[first - 1 : last])) - Counter(_own_words(next(iter(each.values()))))
    if lost:
        said = f"line {first}: {', '.join(lost)} was changed on {', '.join(each)} alone"
        raise CannotMergeError(
            f"{said}, and is each node's own: its value is in the cluster file",
            "\n".join(f"{node}  {line}" for node, lines in each.items() for line in lines),
        )


def _own_words(lines: Iterable[str]) -> Iterator[str]:
    for dollar, name in REFERENCE.findall("\n".join(lines)):
        if not dollar and name.startswith("node."):
            yield f"${{{name}}}"


def merged(
    applied: Sequence[str], now: Sequence[str], found: Sequence[Edit], shown: Callable[[str], str]
) -> tuple[str, ...]:
    """The text of now with edits of the applied one; one that it has already is not made twice.

    Raises CannotMergeError where both changed a line, or put others in at one place: their order may matter.
    `shown` is a line of these texts as it may be shown.
    """
    changes = SequenceMatcher(None, applied, now, autojunk=False).get_opcodes()
    own = [Edit(a1 + 1, a2, tuple(now[b1:b2])) for tag, a1, a2, b1, b2 in changes if tag != "equal"]
    lines = list(now)
    for edit in sorted(set(found) - set(own), reverse=True):
        for other in own:
            if edit.touches(other):
                raise CannotMergeError(*_conflict(applied, edit, other, shown))
        moved = sum(len(other.lines) - other.length for other in own if other.last < edit.first)
        start = edit.first - 1 + moved
        lines[start : start + edit.length] = edit.lines
    return tuple(lines)


def _conflict(
    applied: Sequence[str], edit: Edit, other: Edit, shown: Callable[[str], str]
) -> tuple[str, str]:
    """What is to be said of it, and the lines."""
    sides = {
        "as it was applied": applied[edit.first - 1 : edit.last],
        "by hand": edit.lines,
        "in this file": other.lines,
    }
    width = max(map(len, sides))
    said = [
        f"{side:{width}}  {shown(line)}" for side, lines in sides.items() for line in lines or ["(nothing)"]
    ]
    where = f"line {edit.first}" if edit.length <= 1 else f"lines {edit.first} to {edit.last}"
    return f"{where} of what was applied last: changed by hand, and in this file too", "\n".join(said)


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
        new = _words(text[number], applied[number], line) if alike else escaped(line)
        if number in hidden and MASK in new:
            raise CannotMergeError("a line with a secret was changed: take it in by hand")
        yield new


def _words(text: str, applied: str, live: str) -> str:
    own, was, now = map(_TOKEN.findall, (text, applied, live))
    if len(own) != len(was):
        return escaped(live)
    changes = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    return "".join(
        word
        for tag, a1, a2, b1, b2 in changes
        for word in (own[a1:a2] if tag == "equal" else map(escaped, now[b1:b2]))
    )


def _one(place: tuple[int, int], each: dict[str, tuple[str, ...]], nodes: Subjects) -> tuple[str, ...]:
    """One text of what the nodes have there; where only what is known of them differs, with a reference."""
    if len(set(each.values())) == 1:
        return next(iter(each.values()))
    texts = tuple("\n".join(each.get(name, ())) for name in nodes.names)
    found = template(texts, nodes, {}) if len(each) == len(nodes.names) else None
    if found is None or found.values:
        raise CannotMergeError(f"line {place[0]}: {', '.join(each)} were changed in different ways")
    return tuple(found.text.split("\n"))
