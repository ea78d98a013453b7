"""Reading a cluster file into a tree: bytes, YAML, places, and every way in which it can be unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lbctl.desired.tree import Entry, Findings, Map, Plain, Scalar, Sequence, Tree
from lbctl.errors import Place

MOST_BYTES = 4 * 1024 * 1024
# an alias may multiply what stands in the file: counted as if written out
MOST_VALUES = 200_000
MOST_DEPTH = 32

# by bytes of UTF-8: C0, DEL, C1 but NEL, U+FFFE and U+FFFF
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x84\x86-\x9f]|\xef\xbf[\xbe\xbf]")
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0(?:o[0-7]{1,40}|x[0-9a-fA-F]{1,40})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def read(path: Path, findings: Findings) -> Map | None:
    """The file's tree, or None with the reason in `findings`. Never raises for what a file holds."""
    text = _text(path, findings)
    if text is None:
        return None
    try:
        events = yaml.parse(text, Loader=yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader)
        tree = _Builder(findings, events).document()
    except _StopError as stop:
        findings.error(str(stop), stop.place, stop.mend)
        return None
    except yaml.MarkedYAMLError as error:
        findings.error(*_explained(error, findings.file))
        return None
    if isinstance(tree, Map):
        return tree
    if tree is not None:
        mend = "begin with `cluster: NAME`"
        findings.error("a cluster file is a mapping at its top level", tree.place, mend)
    return None


def text_of(data: bytes, file: str, findings: Findings) -> str | None:
    """UTF-8 text without control characters, or None with the place of the first wrong one in `findings`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _at(data, error.start, file)
        findings.error(f"byte {data[error.start]:#04x} is not UTF-8", place, "save the file as UTF-8")
        return None
    if bad := _CONTROL.search(data):
        place = _at(data, bad.start(), file)
        findings.error(f"control character {ord(bad[0].decode()):#04x}", place, "remove it")
        return None
    return text


def _at(data: bytes, offset: int, file: str) -> Place:
    line = data.count(b"\n", 0, offset) + 1
    return Place(file, line, offset - data.rfind(b"\n", 0, offset))


def _text(path: Path, findings: Findings) -> str | None:
    place = Place(findings.file)
    try:
        if path.exists() and not path.is_file():
            findings.error("cannot be read: not a regular file", place, "name another with -f")
            return None
        with path.open("rb") as source:
            data = source.read(MOST_BYTES + 1)
    except OSError as error:
        mend = "name another with -f, or make one with `lbctl init`"
        findings.error(f"cannot be read: {error.strerror}", place, mend)
        return None
    if len(data) > MOST_BYTES:
        findings.error(f"larger than {MOST_BYTES // 1024 // 1024} MiB", place, "is it a cluster file?")
        return None
    return text_of(data, findings.file, findings)


_MENDS = (
    (
        "cannot start any token",
        "YAML is indented with blanks, never tabs; quote a value that begins with @ or `",
    ),
    ("mapping values are not allowed", "quote a value that holds `: `, and look at the indentation"),
    ("unexpected end of stream", "a quote that is opened is not closed"),
    ("did not find expected", "look at the indentation and at the brackets"),
    ("could not find expected", "look at the indentation and at the quotes"),
)


def _explained(error: yaml.MarkedYAMLError, file: str) -> tuple[str, Place, str]:
    """The parser's complaint as text, place and mend. For something left open the place is its start."""
    said = error.problem or error.context or "not YAML"
    mark = error.context_mark if "end of stream" in said else error.problem_mark
    mark = mark or error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    mend = next((mend for words, mend in _MENDS if words in said), "")
    return f"not YAML: {said}", place, mend


class _StopError(Exception):
    """The file cannot be read any further."""

    def __init__(self, text: str, place: Place, mend: str) -> None:
        self.place, self.mend = place, mend
        super().__init__(text)


class _Builder:
    """One walk over the parser's events. Events, not PyYAML's nodes: those are composed by a recursion in C
    that ends the process on a deeply nested file."""

    def __init__(self, findings: Findings, events: Iterator[yaml.Event]) -> None:
        self.findings = findings
        self.events = events
        self.seen = 0
        self.anchors: dict[str, tuple[Tree, int] | None] = {}

    def document(self) -> Tree | None:
        """The file's one document, None (said) when it is empty."""
        tree: Tree | None = None
        begun = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if begun:
                    mend = "one file holds one cluster: remove the second ---"
                    raise _StopError("a second YAML document begins here", self._place(event), mend)
                begun, tree = True, self._tree(next(self.events), 0)
        if not begun or (isinstance(tree, Scalar) and tree.value is None):
            place = Place(self.findings.file, 1)
            self.findings.error("the file is empty", place, "`lbctl init` writes one to begin with")
            return None
        return tree

    def _tree(self, event: yaml.Event, depth: int) -> Tree:
        place = self._place(event)
        before = self.seen
        self._count(1, place)
        if depth > MOST_DEPTH:
            raise _StopError(f"nested deeper than {MOST_DEPTH} levels", place, "nothing here is so deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor:
            self.anchors[anchor] = None
        tree = self._node(event, place, depth)
        if anchor:
            self.anchors[anchor] = (tree, self.seen - before)
        return tree

    def _node(self, event: yaml.Event, place: Place, depth: int) -> Tree:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.CollectionStartEvent):
            self._tag(event.tag, ("map", "seq"), place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(place, depth)
        return self._sequence(place, depth)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        self._tag(event.tag, ("str", "int", "bool", "null", "float"), place)
        is_plain = not event.style and (not event.tag or not str(event.tag).endswith(":str"))
        value = _value(event.value) if is_plain else event.value
        return Scalar(event.value, value, place, lines=event.style in ("|", ">"))

    def _alias(self, event: yaml.AliasEvent, place: Place) -> Tree:
        name = str(event.anchor)
        if name not in self.anchors:
            mend = f"write &{name} before it, or quote a value that begins with *"
            raise _StopError(f"*{name} names nothing above it", place, mend)
        target = self.anchors[name]
        if target is None:
            raise _StopError(f"*{name} stands within itself", place, "write the value out")
        self._count(target[1], place)
        return target[0]

    def _sequence(self, place: Place, depth: int) -> Sequence:
        items: list[Tree] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._tree(event, depth + 1))
        return Sequence(tuple(items), place)

    def _map(self, place: Place, depth: int) -> Map:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            at = self._place(event)
            key = self._tree(event, depth + 1)
            value = self._tree(next(self.events), depth + 1)
            name = self._key(event, key, at)
            if name in entries:
                text = f"{name} stands here twice, first in line {entries[name].place.line}"
                self.findings.error(text, at, "remove one of them")
            elif name is not None:
                entries[name] = Entry(at, value)
        return Map(entries, place)

    def _key(self, event: yaml.Event, key: Tree, place: Place) -> str | None:
        if not isinstance(key, Scalar):
            mend = "quote it, if the { or [ belongs to the key"
            self.findings.error("a key must be a word", place, mend)
            return None
        if key.text == "<<" and not getattr(event, "style", None):
            mend = "write the keys out; `&name` and `*name` work for whole values"
            self.findings.error("merge keys (<<) are not read", place, mend)
            return None
        return key.text

    def _tag(self, tag: str | None, known: tuple[str, ...], place: Place) -> None:
        if tag and tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in known:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            mend = "remove it; quote a value that begins with !"
            self.findings.error(f"the tag {shown} means nothing here", place, mend)

    def _count(self, values: int, place: Place) -> None:
        self.seen += values
        if self.seen > MOST_VALUES:
            raise _StopError(f"more than {MOST_VALUES} values", place, "aliases that repeat each other?")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return (
            Place(self.findings.file, mark.line + 1, mark.column + 1) if mark else Place(self.findings.file)
        )


def _value(text: str) -> Plain:
    """What YAML 1.2's core schema makes of an unquoted scalar."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    return float(text) if _FLOAT.fullmatch(text) else text
