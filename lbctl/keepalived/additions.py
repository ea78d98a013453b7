"""The lines that lbctl adds to a keepalived.conf, each with a comment that says so.

And none where the file has its own.

`drain`: a tracked file whose number lowers the priority of every instance. It needs a reload only. The
daemon is not told to make the file (`init_file`): a missing one counts 0 and is seen when it is made.
Measured with 2.2.7.
"""

from __future__ import annotations

from collections.abc import Collection

from lbctl.document import Document, Statement
from lbctl.document.edit import append, insert
from lbctl.keepalived.election import OWNER
from lbctl.keepalived.views import instances, track_files

DRAIN = "drain"
NAMES = (DRAIN,)

# Problems, of any level, with which nobody knows what belongs to which block.
BRACES = frozenset({"missing-brace", "extra-brace"})
DRAIN_FILE = "lbctl-drain"
DRAIN_PATH = "/var/lib/lbctl/drain"


def add(document: Document, names: Collection[str]) -> Document:
    """The document with the additions of these names; again on the result changes nothing.

    Unknown names are not ours.
    """
    broken = not document.valid or any(problem.code in BRACES for problem in document.problems)
    return document if broken or DRAIN not in names else _drain(document)


def marked(text: str, name: str = DRAIN) -> str:
    """The line with the comment that says whose it is."""
    return f"{text} # lbctl: {name}"


def _drain(document: Document) -> Document:
    """Every instance that follows its own priority gets the file; those of a sync group ignore weights."""
    name = next((one.name for one in track_files(document) if one.path == DRAIN_PATH), "")
    if not _lines(document, name or DRAIN_FILE):
        return document
    document = document if name else _defined(document)
    name = name or DRAIN_FILE
    for line in sorted(_lines(document, name), reverse=True):
        document = _tracked(document, next(one for one in document.statements if one.line == line), name)
    return document


def _lines(document: Document, name: str) -> list[int]:
    """Where the instances begin that want the file and do not have it.

    An address owner (255) ignores it, aloud.
    """
    return [
        one.line
        for one in instances(document)
        if not one.sync_group and one.priority != OWNER and name not in {track.name for track in one.files}
    ]


def _defined(document: Document) -> Document:
    """The definition, before the first instance: keepalived knows only the files that it has read already."""
    first = document.find("vrrp_instance")[0]
    body = [f"track_file {DRAIN_FILE} {{", f"    file {DRAIN_PATH}", "    weight 1", "}"]
    return insert(document, first.line - 1, *(marked(text) for text in body), "")


def _tracked(document: Document, instance: Statement, name: str) -> Document:
    own = [one for one in instance.find("track_file") if one.block]
    if own:
        return append(document, own[-1], marked(name))
    return append(document, instance, *(marked(text) for text in ("track_file {", f"    {name}", "}")))
