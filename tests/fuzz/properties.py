"""What must hold for any bytes in either language; shared by the property tests and the long fuzz run."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import lbctl.haproxy
import lbctl.haproxy.additions
import lbctl.haproxy.views
import lbctl.keepalived
import lbctl.keepalived.additions
import lbctl.keepalived.views
from lbctl.document import Document, edit, encode, mask
from lbctl.errors import InputError
from lbctl.keepalived.election import effective_priority
from lbctl.planning.semantic import diff


@dataclass(frozen=True)
class Tongue:
    """One language's modules, so that a property is written once."""

    language: ModuleType
    additions: ModuleType


HAPROXY = Tongue(lbctl.haproxy, lbctl.haproxy.additions)
KEEPALIVED = Tongue(lbctl.keepalived, lbctl.keepalived.additions)
TONGUES = (HAPROXY, KEEPALIVED)


def parse(tongue: Tongue, data: bytes) -> Document:
    document = tongue.language.parse(data)
    assert isinstance(document, Document)
    return document


def check(tongue: Tongue, data: bytes) -> None:
    """Every property of one text."""
    document = parse(tongue, data)
    assert document.render() == data
    assert parse(tongue, data) == document
    assert diff(document, parse(tongue, data)) == ()
    assert all(statement.words for _, statement in document.walk())
    check_mask(tongue, document)
    check_views(tongue, document)
    check_additions(tongue, document)
    check_edits(tongue, document)


def check_mask(tongue: Tongue, document: Document) -> None:
    """Masking hides something exactly where there is something, and changes nothing when it is done again."""
    masked = mask(document)
    assert (masked != document.render()) <= tongue.language.holds_secret(document)
    assert masked.count(b"\n") == document.render().count(b"\n")
    assert mask(parse(tongue, masked)) == masked


def check_views(tongue: Tongue, document: Document) -> None:
    """Views take anything."""
    if tongue is HAPROXY:
        views = lbctl.haproxy.views
        views.binds(document), views.servers(document), views.proxies(document)
        views.stats_socket(document), views.server_state_file(document)
        return
    scripts = lbctl.keepalived.views.scripts(document)
    files = lbctl.keepalived.views.track_files(document)
    lbctl.keepalived.views.peer_view(document)
    for instance in lbctl.keepalived.views.instances(document):
        assert 0 <= effective_priority(instance, scripts, files) <= 255


def check_additions(tongue: Tongue, document: Document) -> None:
    """Additions take no line away, and nothing is added twice."""
    added = tongue.additions.add(document, tongue.additions.NAMES)
    assert tongue.additions.add(added, tongue.additions.NAMES) == added
    if document.valid and document.problems == ():
        assert added.valid
        kept = [line.raw for line in added.lines if b"# lbctl: " not in line.raw]
        assert [raw for raw in kept if raw.split() not in ([], [b"global"], [b"defaults"])] == [
            line.raw
            for line in document.lines
            if b"# lbctl: " not in line.raw and line.raw.split() not in ([], [b"global"], [b"defaults"])
        ]


def check_edits(tongue: Tongue, document: Document) -> None:
    """A line put in and taken out again leaves the bytes as they were.

    So does a statement written as it was.
    """
    data = document.render()
    blocks = [one for one in document.statements if one.block][:3]
    if not data.endswith(b"\n") or document.problems:
        return
    for block in blocks:
        longer = edit.append(document, block, "zzz 1")
        place = next((one for _, one in longer.walk() if one.words == ("zzz", "1")), None)
        if place and len(longer.lines) == len(document.lines) + 1:
            assert edit.remove(longer, place).render() == data
        assert diff(document, longer) != ()


def check_pair(tongue: Tongue, before: bytes, after: bytes) -> None:
    """A difference is told exactly where there is one."""
    changes = diff(parse(tongue, before), parse(tongue, after))
    assert bool(changes) == (before != after)
    assert all("\n" not in str(change) and "\x1b" not in str(change) for change in changes)


def check_word(tongue: Tongue, word: str) -> None:
    """A quoted word comes back as itself, alone and among others."""
    try:
        text = tongue.language.statement(("x", word, "y"))
        command = tongue.language.statement(("script", word))
    except InputError:
        return
    scan = tongue.language.LANGUAGE.scan
    assert [one.text for one in scan(encode(text)).words] == ["x", word, "y"]
    assert [one.text for one in scan(encode(command)).words] == ["script", word]
    assert not scan(encode(text)).faults + scan(encode(command)).faults
