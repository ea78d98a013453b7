"""A YAML file as a tree in which every key and every value knows its place.

The scalars are those of YAML 1.2's core schema: `yes`, `on`, `1:30` and dates are strings, `010` is ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lbctl.errors import Place, Problem

Plain = str | int | float | bool | None
Key = str | int


@dataclass(frozen=True)
class Scalar:
    """`text` is as it stands in the file, `value` what YAML's core schema makes of it.

    `lines` = written as a `|` block: it is text of several lines on purpose.
    """

    text: str
    value: Plain
    place: Place
    lines: bool = False


@dataclass(frozen=True)
class Sequence:
    items: tuple[Tree, ...]
    place: Place


@dataclass(frozen=True)
class Entry:
    """A key of a mapping: where the key stands, and its value."""

    place: Place
    value: Tree


@dataclass(frozen=True)
class Map:
    """A mapping in the order of the file."""

    entries: Mapping[str, Entry]
    place: Place

    def get(self, key: str) -> Tree | None:
        entry = self.entries.get(key)
        return entry.value if entry else None

    def items(self) -> Iterator[tuple[str, Tree]]:
        return ((key, entry.value) for key, entry in self.entries.items())


Tree = Scalar | Sequence | Map


@dataclass
class Findings:
    """Everything that was found wrong so far, in the order of finding; the same is kept once.

    `sources` are the files beside the cluster file that were read, by the names that it has for them.
    """

    file: str
    problems: dict[Problem, None] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict, repr=False)

    def error(self, text: str, place: Place | None, mend: str = "") -> None:
        self.add(Problem(text, place, mend))

    def warn(self, text: str, place: Place | None, mend: str = "", code: str = "") -> None:
        self.add(Problem(text, place, mend, "warning", code))

    def add(self, problem: Problem) -> None:
        self.problems[problem] = None

    def has(self, code: str, place: Place | None) -> bool:
        """There is a problem of this code at this place."""
        return any(problem.code == code and problem.place == place for problem in self.problems)

    @property
    def errors(self) -> bool:
        """Something keeps the file from being used."""
        return any(problem.level == "error" for problem in self.problems)

    @property
    def all(self) -> tuple[Problem, ...]:
        """Everything that was found, in the order of the file."""
        return tuple(sorted(self.problems, key=_position))


def plain(tree: Tree) -> object:
    """The same as Python's own values; a null in a mapping stays as None."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Sequence):
        return [plain(item) for item in tree.items]
    return {key: plain(value) for key, value in tree.items()}


def place_of(tree: Tree, path: tuple[Key, ...], *, key: bool = False) -> Place:
    """Where `path` leads; steps that do not exist are skipped. `key` = the last step's key, not its value."""
    place = tree.place
    for step in path:
        if isinstance(tree, Map) and (entry := tree.entries.get(str(step))):
            tree, place = entry.value, entry.place if key else entry.value.place
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
            place = tree.place
    return place


def without(tree: Tree, path: tuple[Key, ...]) -> Tree:
    """The same without what `path` leads to."""
    if not path:
        return tree
    step, rest = path[0], path[1:]
    if isinstance(tree, Map):
        return _map_without(tree, str(step), rest)
    if isinstance(tree, Sequence) and isinstance(step, int):
        kept = (i if n != step else without(i, rest) for n, i in enumerate(tree.items) if rest or n != step)
        return Sequence(tuple(kept), tree.place)
    return tree


def merged(base: Tree, over: Tree) -> Tree:
    """`over` laid over `base`: mappings merge, lists and scalars replace, null removes."""
    if not (isinstance(base, Map) and isinstance(over, Map)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            entries.pop(key, None)
        elif key in entries:
            entries[key] = Entry(entry.place, merged(entries[key].value, entry.value))
        else:
            entries[key] = entry
    return Map(entries, over.place)


def only(tree: Map, wanted: Callable[[str], bool]) -> Map:
    """The entries whose key is wanted."""
    return Map({key: entry for key, entry in tree.entries.items() if wanted(key)}, tree.place)


def _map_without(tree: Map, step: str, rest: tuple[Key, ...]) -> Map:
    entries = dict(tree.entries)
    if entry := entries.pop(step, None):
        if rest:
            entries = dict(tree.entries) | {step: Entry(entry.place, without(entry.value, rest))}
        return Map(entries, tree.place)
    return tree


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)
