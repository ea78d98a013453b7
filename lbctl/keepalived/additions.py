"""The lines that lbctl adds to a keepalived.conf, each with a comment that says so.

And none where the file has its own.

`drain`: a tracked file whose number lowers the priority of every instance. It needs a reload only. The
daemon is not told to make the file (`init_file`): a missing one counts 0 and is seen when it is made.
Measured with 2.2.7.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lbctl.document import Document, Statement
from lbctl.document.edit import append_to_each, insert
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
    wanting = [_own(one) for one in _wanting(document, name)]
    document = append_to_each(document, _apart([one for one in wanting if one]), marked(name))
    block = [marked(text) for text in ("track_file {", f"    {name}", "}")]
    return append_to_each(document, _apart(_wanting(document, name)), *block)


def _wanting(document: Document, name: str) -> list[Statement]:
    """The instances that want the file and do not have it."""
    lines = _lines(document, name)
    return [one for one in document.statements if one.line in lines and one.keyword == "vrrp_instance"]


def _own(instance: Statement) -> Statement | None:
    """Its own list of tracked files, the last one."""
    return next((one for one in reversed(instance.find("track_file")) if one.block), None)


def _apart(blocks: Sequence[Statement]) -> list[Statement]:
    """One block for each line that blocks end on.

    Whole instances on one line are no file that keepalived reads.
    """
    return list({one.last: one for one in blocks}.values())


def _lines(document: Document, name: str) -> frozenset[int]:
    """Where the instances begin that want the file and do not have it.

    An address owner (255) ignores it, aloud.
    """
    return frozenset(
        one.line
        for one in instances(document)
        if not one.sync_group and one.priority != OWNER and name not in {track.name for track in one.files}
    )


def _defined(document: Document) -> Document:
    """The definition, before the first instance: keepalived knows only the files that it has read already."""
    first = document.find("vrrp_instance")[0]
    body = [f"track_file {DRAIN_FILE} {{", f"    file {DRAIN_PATH}", "    weight 1", "}"]
    return insert(document, first.line - 1, *(marked(text) for text in body))
