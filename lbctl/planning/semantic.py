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
from dataclasses import dataclass, field

from lbctl.document import Document, Language, Statement, masked_words
from lbctl.haproxy.tables import PROXIES

STATEMENT = "statement"
TEXT = "text only"

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

    `context` is what it inherits from elsewhere.
    """

    label: str
    raw: bytes
    statements: tuple[Statement, ...]
    header: Statement | None
    context: str


@dataclass
class _Values:
    """A section expanded. `shown` gives the masked text of each full one, which stays within this module."""

    named: dict[str, str] = field(default_factory=dict)
    ordered: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)


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
    found: list[DocumentChange] = []
    for label in [*news, *(label for label in olds if label not in news)]:
        found += _compare(document.language, olds.get(label), news.get(label))
    if not found and before and after and before.render() != after.render():
        found.append(DocumentChange("", "~", "", "", TEXT))
    return tuple(found)


def _sections(document: Document | None) -> dict[str, _Section]:
    """The sections by label, in order; namesakes are numbered.

    What stands outside any section has the label ''.
    """
    if document is None:
        return {}
    blocks = [one for one in document.statements if one.block]
    loose = tuple(one for one in document.statements if not one.block)
    starts = [one.line - 1 for one in blocks] + [len(document.lines)]
    raws = [line.raw for line in document.lines]
    outside = raws[: starts[0]]
    contexts = _contexts(blocks)
    seen: Counter[str] = Counter()
    sections: list[_Section] = []
    for number, block in enumerate(blocks):
        end = block.last if document.language.braces else starts[number + 1]
        outside += raws[end : starts[number + 1]]
        label = _label(document.language, block)
        seen[label] += 1
        label = f"{label} ({seen[label]})" if seen[label] > 1 else label
        raw = b"".join(raws[starts[number] : end])
        sections.append(_Section(label, raw, block.children, block, contexts[number]))
    sections.insert(0, _Section("", b"".join(outside), loose, None, ""))
    return {section.label: section for section in sections}


def _label(language: Language, block: Statement) -> str:
    return _spelled(masked_words(language, language.key((), block.words) or block.words[:2]))


def _spelled(words: tuple[str, ...]) -> str:
    """The words on one line.

    So that no two lists of words look the same and nothing in them can move a terminal's cursor.
    """
    return " ".join([word if _PLAIN.fullmatch(word) else json.dumps(word) for word in words])


def _contexts(blocks: list[Statement]) -> list[str]:
    """Which `defaults` section each one takes its settings from.

    '' for all where that is the same for all.
    """
    found, defaults = [], 0
    for block in blocks:
        defaults += block.keyword == "defaults"
        explicit = block.keyword == "defaults" or "from" in block.words[2:3]
        found.append("" if explicit else f"defaults section {defaults}")
    inheriting = {one for one, block in zip(found, blocks, strict=True) if one and block.keyword in PROXIES}
    return found if len(inheriting) > 1 else [""] * len(found)


def _compare(language: Language, old: _Section | None, new: _Section | None) -> Iterator[DocumentChange]:
    section = new or old
    if section is None or (
        old and new and old.raw == new.raw and old.context == new.context and not _loose(old, new)
    ):
        return
    before, after = _expand(language, old), _expand(language, new)
    if section.header and not old:
        yield DocumentChange(section.label, "+", "", section.label)
    if section.header and not new:
        yield DocumentChange(section.label, "-", section.label, "")
    if old and new and (before.named, before.ordered) == (after.named, after.ordered):
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
        _put(values, language, (), ("header",), header.words, named=True) if header.words != words else None
    if section.context:
        _put(values, language, (), ("inherits",), ("inherits", section.context), named=True)
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
        if one.block and one.children:
            inner = (*path, *(key or one.words))
            if key and one.words[len(key) :]:
                _put(values, language, path, (*key, "{"), one.words, named=True)
            _fill(values, language, one.words, inner, one.children, conditional)
        else:
            words = (*one.words, "{", "}") if one.block else one.words
            _put(
                values,
                language,
                path,
                key or (() if conditional else one.words[:1]),
                words,
                named=key is not None,
            )


def _put(
    values: _Values,
    language: Language,
    path: tuple[str, ...],
    key: tuple[str, ...],
    words: tuple[str, ...],
    named: bool,
) -> None:
    full = _spelled((*path, *words))
    values.shown[full] = _spelled((*path, *masked_words(language, words)))
    name = "\0".join((*path, *key))
    if not named:
        values.ordered.setdefault(name, []).append(full)
        return
    values.seen[name] += 1
    values.named[f"{name}\0{values.seen[name]}"] = full


def _changes(label: str, before: _Values, after: _Values) -> Iterator[DocumentChange]:
    # imported here: it takes 0.1 s that a plan without changes need not wait for
    from deepdiff import DeepDiff
    from deepdiff.helper import NotPresent

    shown = before.shown | after.shown
    left = {"named": before.named, "ordered": before.ordered}
    right = {"named": after.named, "ordered": after.ordered}
    tree = DeepDiff(left, right, view="tree", threshold_to_diff_deeper=0, cache_size=0)
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
