"""How many connections a haproxy.cfg allows, against how many it can have."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.document import Document
from lbctl.errors import Problem
from lbctl.haproxy.views import global_lines
from lbctl.lint.sections import File, FileCheck, listed


def out_of_reach(file: File) -> Iterator[Problem]:
    """Proxies that allow more connections than the whole of HAProxy has."""
    whole, why = _whole(file)
    found: dict[int, list[str]] = {}
    for section in file.sections if whole else ():
        last = section.lines("maxconn")[-1:]
        own = int(last[0].name) if last and last[0].name.isdecimal() else 0
        if section.accepts and own > whole:
            found.setdefault(own, []).append(section.name)
    lines = global_lines(file.document, "maxconn") or global_lines(file.document, "ulimit-n")
    for own, names in found.items():
        said = f"{listed(names)}: maxconn {own}, but HAProxy as a whole stops at {why}"
        yield file.problem("maxconn", said, lines[0].line if lines else 0)


def _whole(file: File) -> tuple[int, str]:
    """How many connections HAProxy has, and why so many; 0 = nobody knows.

    Without a maxconn in global it is made from the limit of open files: two for a connection, and some for
    listeners and checks (measured with 2.6.12).
    """
    said = _number(file.document, "maxconn")
    if said:
        return said, f"the {said} of global"
    if file.pieces or file.partial:
        return 0, ""
    asked = _number(file.document, "ulimit-n")
    files = asked or file.open_files
    return files // 2, f"about {files // 2}, by {'ulimit-n' if asked else 'LimitNOFILE='} {files}"


def few_descriptors(file: File) -> Iterator[Problem]:
    """A connection takes two file descriptors."""
    whole, files = _number(file.document, "maxconn"), _number(file.document, "ulimit-n")
    if whole and files and files < 2 * whole:
        said = f"ulimit-n {files} is too few for maxconn {whole}, which takes two for a connection"
        yield file.problem("few-descriptors", said, global_lines(file.document, "ulimit-n")[0].line)


def _number(document: Document, keyword: str) -> int:
    """What the first such line of global says: HAProxy ignores any other. 0 = it is not said."""
    lines = global_lines(document, keyword)
    return int(lines[0].name) if lines and lines[0].name.isdecimal() else 0


CHECKS: tuple[FileCheck, ...] = (out_of_reach, few_descriptors)
