"""What keepalived complains about in instances and goes on with a value of its own, found without it.

Measured with 2.2.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lbctl.document import Statement
from lbctl.errors import Place, Problem
from lbctl.keepalived.tables import AUTH_PASS_LENGTH, STATES

_RANGES = {"virtual_router_id": (1, 255), "priority": (1, 255)}
_NUMBER = re.compile(r"[0-9]{1,9}")
# Text that the daemon replaces before it reads a line: with these in a file, what is missing here may
# come from there.
_INDIRECT = ("@", "$", "~", "include")


def check(statements: Sequence[Statement], file: str) -> list[Problem]:
    """Duplicate instances, numbers out of range, unknown states, passwords that are cut.

    Scripts that do not exist.
    """
    found: list[Problem] = []
    indirect = any(one.keyword.startswith(_INDIRECT) for one in statements)
    taken: dict[str, int] = {}
    for block in statements:
        if block.keyword != "vrrp_instance" or not block.block:
            continue
        first = taken.setdefault(block.name, block.line)
        if first != block.line and "$" not in block.name and not indirect:
            text = f"vrrp_instance {block.name} is already defined on line {first}"
            found.append(Problem(text, Place(file, block.line), "use another name", code="duplicate-section"))
        found += _values(block, file)
        if not indirect:
            found += _missing(block, file)
    return found if indirect else [*found, *_scripts(statements, file)]


def _values(block: Statement, file: str) -> Iterator[Problem]:
    for child in block.children:
        place = Place(file, child.line)
        low, high = _RANGES.get(child.keyword, (0, 0))
        value = child.name
        if (
            high
            and value
            and "$" not in value
            and not (_NUMBER.fullmatch(value) and low <= int(value) <= high)
        ):
            text = (
                f"{child.keyword} '{value}' is no number from {low} to {high}: keepalived takes its default"
            )
            yield Problem(text, place, code="bad-number")
        if child.keyword == "state" and value and "$" not in value and value not in STATES:
            yield Problem(f"unknown state '{value}': keepalived takes BACKUP", place, code="bad-state")
        if child.keyword == "nopreempt" and any(
            one.words[:2] == ("state", "MASTER") for one in block.children
        ):
            text = "nopreempt has no effect with state MASTER"
            yield Problem(text, place, "write state BACKUP", "warning", "nopreempt-master")
        if child.keyword == "authentication":
            yield from _password(child, file)


def _password(block: Statement, file: str) -> Iterator[Problem]:
    if block.block and not block.find("auth_pass"):
        text = "authentication without a password is ignored"
        yield Problem(text, Place(file, block.line), "write one statement a line", "warning", "no-password")
    for one in block.find("auth_pass"):
        if len(one.name.encode("utf-8", "surrogateescape")) > AUTH_PASS_LENGTH and "$" not in one.name:
            text = f"the password is cut to {AUTH_PASS_LENGTH} characters"
            yield Problem(text, Place(file, one.line), "write no more", "warning", "auth-pass-cut")


def _missing(block: Statement, file: str) -> Iterator[Problem]:
    words = {child.keyword for child in block.children}
    if "virtual_router_id" not in words and not any(word.startswith(_INDIRECT) for word in words):
        text = f"vrrp_instance {block.name} has no virtual_router_id"
        yield Problem(text, Place(file, block.line), code="no-router-id")


def _scripts(statements: Sequence[Statement], file: str) -> Iterator[Problem]:
    known = {one.name for one in statements if one.keyword == "vrrp_script"}
    for block in statements:
        if block.keyword != "vrrp_instance":
            continue
        for item in (one for listing in block.find("track_script") for one in listing.children):
            if item.keyword not in known and not item.keyword.startswith(_INDIRECT):
                text = f"track_script {item.keyword} is not defined: keepalived goes on without it"
                yield Problem(text, Place(file, item.line), code="unknown-script")
