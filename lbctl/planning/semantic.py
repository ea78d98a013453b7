"""What changed between two documents of one language, in the language's own words.

Named things are compared with their namesake, ordered rules as sequences, each section on its own;
equal sections are never expanded, because DeepDiff is slow on large trees. Secrets are compared in full
and shown masked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import zip_longest

from lbctl.document import Document, Language, Statement, masked_words
from lbctl.haproxy.tables import PROXIES

STATEMENT = "statement"
TEXT = "text only"
NO_DEFAULTS = "no defaults"

_PLAIN = re.compile(r"[^\s\"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_ORDER = {"-": 0, "~": 1, "+": 2}


@dataclass(frozen=True)
class DocumentChange:
    """One difference. `action` is `+`, `-` or `~`.

    `before` and `after` are lines with secrets masked, '' where there is none.

    Kind `text only`: the daemon reads the same, only comments, white space or the order of independent
    lines differ.
    """

    section: str
    action: str
    before: str
    after: str
    kind: str = STATEMENT

    def __str__(self) -> str:
        where = f"{self.section}: " if self.section else ""
        if self.kind == TEXT:
            return f"{where}{self.action} {TEXT}"
        if self.action == "~":
            secret = " (the secret changes)" if self.before == self.after else ""
            return f"{where}~ {self.before} -> {self.after}{secret}"
        return f"{where}{self.action} {self.after or self.before}"


@dataclass(frozen=True)
class _Section:
    """One section's raw text, and what is needed to expand it.

    `label` is its name with a number among namesakes; `defaults` the label of the section that it takes its
    settings from, where it names none. `context` is that one too, if it is to be compared.
    """

    name: str
    label: str
    raw: bytes
    statements: tuple[Statement, ...]
    header: Statement | None
    defaults: str = ""
    context: str = ""


_Pair = tuple[_Section | None, _Section | None]


@dataclass
class _Values:
    """A section expanded: its lines by name, namesakes in order.

    `blocks` counts the blocks of each name, `empty` holds the lines of those without a statement. `shown`
    gives the masked text of each full one, which stays within this module.
    """

    lines: dict[str, list[str]] = field(default_factory=dict)
    blocks: Counter[str] = field(default_factory=Counter)
    empty: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)


def diff(before: Document | None, after: Document | None) -> tuple[DocumentChange, ...]:
    """The changes from `before` to `after`, sorted by their place in `after`, then in `before`.

    None = no such file.

    `diff(x, x)` is empty. Both must be of one language.
    """
    if before is after:
        return ()
    document = after or before
    if document is None:
        return ()
    olds, news = _sections(before), _sections(after)
    pairs = [*_pairs(olds, news)]
    if _several_contexts(olds) or _several_contexts(news):
        pairs = _with_contexts(pairs)
    found = [change for old, new in pairs for change in _compare(document.language, old, new)]
    if not found and before and after and before.render() != after.render():
        found.append(DocumentChange("", "~", "", "", TEXT))
    return tuple(found)


def _pairs(olds: list[_Section], news: list[_Section]) -> Iterator[_Pair]:
    """Each section with what it was: those of `news` in order, then what is gone."""
    sides: dict[str, tuple[list[_Section], list[_Section]]] = {}
    for side, sections in enumerate((olds, news)):
        for section in sections:
            sides.setdefault(section.name, ([], []))[side].append(section)
    pairs = [pair for left, right in sides.values() for pair in _namesakes(left, right)]
    before = {new.label: old for old, new in pairs if new}
    yield from ((before[new.label], new) for new in news)
    yield from ((old, new) for old, new in pairs if not new)


def _namesakes(olds: list[_Section], news: list[_Section]) -> Iterator[_Pair]:
    """In their order; where there are more or less than before, those of equal text belong together."""
    if len(olds) == len(news):
        yield from zip(olds, news, strict=True)
        return
    matcher = SequenceMatcher(None, [one.raw for one in olds], [one.raw for one in news], autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        yield from zip_longest(olds[start:end], news[first:last])


def _sections(document: Document | None) -> list[_Section]:
    """The sections in order; namesakes are numbered. What stands outside any has the name ''."""
    if document is None:
        return []
    blocks = [one for one in document.statements if one.block]
    loose = tuple(one for one in document.statements if not one.block)
    starts = [one.line - 1 for one in blocks] + [len(document.lines)]
    raws = [line.raw for line in document.lines]
    outside = raws[: starts[0]]
    seen: Counter[str] = Counter()
    sections: list[_Section] = []
    defaults = NO_DEFAULTS
    for number, block in enumerate(blocks):
        end = block.last if document.language.braces else starts[number + 1]
        outside += raws[end : starts[number + 1]]
        name = _label(document.language, block)
        seen[name] += 1
        label = f"{name} ({seen[name]})" if seen[name] > 1 else name
        defaults = label if block.keyword == "defaults" else defaults
        inherits = block.keyword in PROXIES and "from" not in block.words[2:3]
        raw = b"".join(raws[starts[number] : end])
        sections.append(_Section(name, label, raw, block.children, block, defaults if inherits else ""))
    return [_Section("", "", b"".join(outside), loose, None), *sections]


def _label(language: Language, block: Statement) -> str:
    return _spelled(masked_words(language, language.key((), block.words) or block.words[:2]))


def _spelled(words: tuple[str, ...]) -> str:
    """The words on one line.

    So that no two lists of words look the same and nothing in them can move a terminal's cursor.
    """
    return " ".join([word if _PLAIN.fullmatch(word) else json.dumps(word) for word in words])


def _several_contexts(sections: list[_Section]) -> bool:
    return len({section.defaults for section in sections} - {""}) > 1


def _with_contexts(pairs: list[_Pair]) -> list[_Pair]:
    """The pairs with what each one inherits, by the labels that the sections have now."""
    now = {old.label: new.label for old, new in pairs if old and new} | {NO_DEFAULTS: NO_DEFAULTS, "": ""}
    return [
        (
            replace(old, context=now.get(old.defaults, f"{old.defaults} (gone)")),
            replace(new, context=new.defaults),
        )
        if old and new
        else (old, new)
        for old, new in pairs
    ]


def _compare(language: Language, old: _Section | None, new: _Section | None) -> Iterator[DocumentChange]:
    section = new or old
    if section is None or (
        old and new and old.raw == new.raw and old.context == new.context and not _loose(old, new)
    ):
        return
    before, after = _expand(language, old), _expand(language, new)
    _show_empty(before, after)
    if section.header and not old:
        yield DocumentChange(section.label, "+", "", section.label)
    if section.header and not new:
        yield DocumentChange(section.label, "-", section.label, "")
    if old and new and before.lines == after.lines:
        yield DocumentChange(section.label, "~", "", "", TEXT)
        return
    places = {
        text: place for shown in (before.shown, after.shown) for place, text in enumerate(shown.values())
    }
    changes = _changes(section.label, before, after)
    yield from sorted(
        changes, key=lambda one: (places[one.after or one.before], _ORDER[one.action], one.before)
    )


def _loose(old: _Section, new: _Section) -> bool:
    """Statements outside any section may stand between others' lines: these are always compared."""
    return old.header is None and [one.words for one in old.statements] != [
        one.words for one in new.statements
    ]


def _expand(language: Language, section: _Section | None) -> _Values:
    values = _Values()
    if section is None:
        return values
    header = section.header
    if header:
        words = language.key((), header.words) or header.words[:2]
        _put(values, language, (), ("header",), header.words) if header.words != words else None
    if section.context:
        _put(values, language, (), ("inherits",), ("inherits", *section.context.split()))
    conditional = any(one.keyword.startswith(".") for one in section.statements)
    _fill(values, language, header.words if header else (), (), section.statements, conditional)
    return values


def _fill(
    values: _Values,
    language: Language,
    block: tuple[str, ...],
    path: tuple[str, ...],
    statements: tuple[Statement, ...],
    conditional: bool,
) -> None:
    """Put the statements of one block, and of the blocks in it, into `values`.

    Within conditions every order counts.
    """
    for one in statements:
        key = None if conditional else language.key(block, one.words)
        if not one.block:
            _put(values, language, path, key or (() if conditional else one.words[:1]), one.words)
            continue
        inner = (*path, *(key or one.words))
        values.blocks["\0".join(inner)] += 1
        if not one.children:
            text = _shown(values, language, path, (*one.words, "{", "}"))
            values.empty.setdefault("\0".join(inner), []).append(text)
        elif key and one.words[len(key) :]:
            _put(values, language, path, (*key, "{"), one.words)
        _fill(values, language, one.words, inner, one.children, conditional)


def _show_empty(before: _Values, after: _Values) -> None:
    """An empty block is a line where there was no such block; where there was, its lines tell."""
    for name in before.blocks | after.blocks:
        if before.blocks[name] != after.blocks[name]:
            for values in (before, after):
                values.lines[f"{name}\0{{}}"] = values.empty.get(name, [])


def _put(
    values: _Values, language: Language, path: tuple[str, ...], key: tuple[str, ...], words: tuple[str, ...]
) -> None:
    values.lines.setdefault("\0".join((*path, *key)), []).append(_shown(values, language, path, words))


def _shown(values: _Values, language: Language, path: tuple[str, ...], words: tuple[str, ...]) -> str:
    """The full text of a line; what may be shown of it is kept."""
    full = _spelled((*path, *words))
    values.shown[full] = _spelled((*path, *masked_words(language, words)))
    return full


def _changes(label: str, before: _Values, after: _Values) -> Iterator[DocumentChange]:
    # imported here: it takes 0.1 s that a plan without changes need not wait for
    from deepdiff import DeepDiff
    from deepdiff.helper import NotPresent

    shown = before.shown | after.shown
    tree = DeepDiff(before.lines, after.lines, view="tree", threshold_to_diff_deeper=0, cache_size=0)
    for report in tree.values():
        for level in report:
            olds = [] if isinstance(level.t1, NotPresent) else _texts(level.t1)
            news = [] if isinstance(level.t2, NotPresent) else _texts(level.t2)
            if olds and news:
                yield DocumentChange(label, "~", shown[olds[0]], shown[news[0]])
                continue
            yield from (DocumentChange(label, "-", shown[text], "") for text in olds)
            yield from (DocumentChange(label, "+", "", shown[text]) for text in news)


def _texts(value: object) -> list[str]:
    return (
        [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, list) else []
    )
