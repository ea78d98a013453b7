"""What HAProxy refuses about names, found without it; everything else is left to `haproxy -c`.

Measured with 2.6.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.document import Statement
from lbctl.errors import Place, Problem
from lbctl.haproxy.tables import NAME, PROXIES

# listen is both
_SIDES = {"frontend": ("frontend",), "backend": ("backend",), "listen": ("frontend", "backend")}


def check(statements: Sequence[Statement], file: str) -> list[Problem]:
    """Section and server names that are missing, taken or not permitted; addresses on a header line."""
    sections = [one for one in statements if one.block and one.keyword in PROXIES]
    found = [*_names(sections, file)]
    for section in sections:
        found += _servers(section, file)
    return found


def _names(sections: Sequence[Statement], file: str) -> Iterator[Problem]:
    taken: dict[tuple[str, str], int] = {}
    for section in sections:
        place = Place(file, section.line)
        if not section.name:
            yield Problem(f"{section.keyword} needs a name", place, code="no-name")
            continue
        if not NAME.fullmatch(section.name):
            yield Problem(
                f"a character of {section.keyword} '{section.name}' is not permitted", place, code="bad-name"
            )
        if len(section.words) > 2 and section.words[2] != "from":
            text = f"{section.keyword} {section.name} has an address on its first line"
            yield Problem(text, place, "write it as a bind line", code="header-address")
        for side in _SIDES[section.keyword]:
            first = taken.setdefault((side, section.name), section.line)
            if first != section.line:
                text = f"{section.keyword} {section.name} is already defined on line {first}"
                yield Problem(text, place, "use another name", code="duplicate-section")
                break


def _servers(section: Statement, file: str) -> Iterator[Problem]:
    taken: dict[str, int] = {}
    conditional = any(child.keyword.startswith(".") for child in section.children)
    for child in section.children:
        if child.words[0] != "server" or len(child.words) < 2:
            continue
        name, place = child.words[1], Place(file, child.line)
        if not NAME.fullmatch(name):
            yield Problem(f"a character of server '{name}' is not permitted", place, code="bad-name")
        first = taken.setdefault(name, child.line)
        if first != child.line and not conditional:
            text = f"server {name} is already defined on line {first}"
            yield Problem(text, place, "use another name", code="duplicate-server")
