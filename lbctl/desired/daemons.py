"""The two daemons' own files: from the short forms, from text, or whole, to what stands on a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lbctl.desired.fill import Filling, Line, lines
from lbctl.desired.models import FileAttributes
from lbctl.desired.sources import source
from lbctl.desired.tree import Findings, Map, Scalar
from lbctl.document import Document, Language, holds_secret, mask
from lbctl.errors import Place, Problem
from lbctl.model.cluster import MAIN_FILES, ManagedFile
from lbctl.model.content import Content, unresolved
from lbctl.model.effect import Effect, Impact

Add = Callable[[Document], Document]
One = tuple[Content, bool, Document, tuple[Place, ...]]
Write = Callable[[Filling], list[Line]]


@dataclass(frozen=True)
class Part:
    """A daemon's part of the cluster file on one node: `write` gives its lines under one filling.

    `whole` = they are a file of the daemon's own words.
    """

    language: Language
    write: Write
    add: Add
    attributes: FileAttributes
    whole: bool


@dataclass
class Rendered:
    """What was rendered already: nodes that have the same text share one document, and one check of it."""

    seen: dict[tuple[str, bytes, bytes, Place | None], One] = field(default_factory=dict)


def managed(
    part: Part, shown: Filling, real: Filling | None, rendered: Rendered
) -> tuple[ManagedFile, Document]:
    """The daemon's file on one node, and its document.

    `real` is the filling that reveals, None when secrets are not resolved.
    """
    written = part.write(shown)
    masked = _bytes(written)
    data = _bytes(part.write(real)) if real and shown.used else masked
    name = part.language.name
    key = (name, masked, data, written[0].place if written else None)
    if key not in rendered.seen:
        rendered.seen[key] = _document(part, written, masked, data, shown.findings, real is not None)
    content, secret, document, places = rendered.seen[key]
    own = part.attributes
    mode = own.mode or ("0600" if secret or shown.used else "0644")
    effects = (Effect(name, Impact.RELOAD),)
    path = MAIN_FILES[name]
    file = ManagedFile(path, content, mode, own.owner, own.group, name, effects, places=places)
    return file, document


def whole(language: Language, part: Map, base: Path, filling: Filling) -> list[Line]:
    """The lines of the daemon's own words in a file (`file: PATH`), filled; to the byte, also at its end."""
    named = part.get("file")
    if not isinstance(named, Scalar):
        return []
    data = source(base, named.text, named.place, filling.findings)
    if data is None:
        return []
    filling.findings.sources[str(Path(named.text))] = _kept(language, data)
    text = data.decode("utf-8", "surrogateescape")
    file = str(Path(filling.findings.file).parent / named.text)
    found: list[Line] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        place = Place(file, number)
        found += [Line(one, place) for one in filling.line(line, place)]
    if found and not text.endswith("\n"):
        found[-1] = replace(found[-1], end="")
    return found


def _kept(language: Language, data: bytes) -> bytes:
    """The file as it may be kept: a secret that stands in clear is masked, a reference stays."""
    return mask(language.parse(data, ""), template=True)


def block(scalar: Scalar, filling: Filling) -> list[Line]:
    """The lines of the daemon's own words in a `|` block."""
    return lines(scalar, filling)


def _bytes(written: Sequence[Line]) -> bytes:
    return "".join(f"{line.text}{line.end}" for line in written).encode("utf-8", "surrogateescape")


def _document(
    part: Part, written: Sequence[Line], masked: bytes, data: bytes, findings: Findings, reveal: bool
) -> One:
    """Content, whether it holds a secret word, the document, and where its lines come from.

    What is wrong with a whole file is the daemon's to judge: it may run with it already, and what it refuses
    is refused before any node is touched.
    """
    language, add = part.language, part.add
    plain = language.parse(masked, MAIN_FILES[language.name])
    for problem in plain.problems:
        located = _located(problem, written)
        if part.whole:
            located = replace(located, level="warning")
        # said already, with the nearest known word
        if problem.code != "unknown-section" or not findings.has("unknown-keyword", located.place):
            findings.add(located)
    document = add(plain)
    shown = mask(document)
    real = document.render() if data == masked else add(language.parse(data, document.file)).render()
    secret = holds_secret(document)
    content = unresolved(shown) if secret and not reveal else Content(real, shown)
    return content, secret, document, _places(document, plain, written)


def _places(document: Document, plain: Document, written: Sequence[Line]) -> tuple[Place, ...]:
    """Each line's place. A line that an addition has put in has that of the line before it."""
    if not written:
        return ()
    found, at = [], 0
    for line in document.lines:
        if at < len(plain.lines) and plain.lines[at].raw == line.raw:
            at += 1
        found.append(written[max(at - 1, 0)].place)
    return tuple(found)


def _located(problem: Problem, written: Sequence[Line]) -> Problem:
    """The parser's problem at the place in the user's file that its line comes from."""
    line = problem.place.line if problem.place else 0
    place = written[line - 1].place if 0 < line <= len(written) else problem.place
    return Problem(problem.text, place, problem.mend, problem.level, problem.code)
