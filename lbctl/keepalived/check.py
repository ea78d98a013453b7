"""What keepalived complains about and goes on with a value of its own. Measured with 2.2.7."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from lbctl.document import Statement, encode
from lbctl.errors import Place, Problem
from lbctl.keepalived.tables import ADDRESS_OPTIONS, ADDRESSES, AUTH_PASS_LENGTH, STATES
from lbctl.model.ip import is_interface

_NUMBER = re.compile(r"[0-9]{1,9}")
# Text that the daemon replaces before it reads a line: with these in a file, what is missing here may come
# from there.
_INDIRECT = ("@", "$", "~", "include")
_REFERENCE = re.compile(r"\$(?:([A-Za-z]\w*)|\{([A-Za-z_]\w*)[^}]*\})")
_DEFINITION = re.compile(r"\A\$(\w+)=")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMMANDS = ("script", "notify")
_STANDARD = frozenset({"_PWD", "_INSTANCE", "_RANDOM", "_HASH", "_BANG"})


def check(statements: Sequence[Statement], file: str) -> list[Problem]:
    """Names that are taken or unknown, numbers out of range, passwords that are cut.

    Words that are dropped.
    """
    blocks = [one for one in statements if one.block and one.keyword == "vrrp_instance"]
    found = [problem for block in blocks for problem in _values(block, file)]
    if any(one.keyword.startswith(_INDIRECT) for one in statements):
        return [*found, *_undefined(statements, file)]
    found += _duplicates(blocks, file)
    found += _router_ids(blocks, file)
    found += _scripts(statements, blocks, file)
    found += _undefined(statements, file)
    return found


def _values(block: Statement, file: str) -> Iterator[Problem]:
    for child in block.children:
        if "$" in child.name:
            continue
        for problem in _CHECKS.get(child.keyword, _nothing)(child, block):
            text, code, level, mend, line = problem
            yield Problem(text, Place(file, line), mend, level, code)


Found = Iterator[tuple[str, str, str, str, int]]


def _nothing(child: Statement, block: Statement) -> Found:
    yield from ()


def _range(child: Statement, block: Statement) -> Found:
    if not _NUMBER.fullmatch(child.name) or not 1 <= int(child.name) <= 255:
        text = f"{child.keyword} '{child.name}' is no number from 1 to 255: keepalived takes its default"
        yield text, "bad-number", "error", "", child.line


def _state(child: Statement, block: Statement) -> Found:
    if child.name not in STATES:
        yield f"unknown state '{child.name}': keepalived takes BACKUP", "bad-state", "error", "", child.line


def _nopreempt(child: Statement, block: Statement) -> Found:
    if block.find("state", "MASTER"):
        text = "nopreempt has no effect with state MASTER"
        yield text, "nopreempt-master", "warning", "write state BACKUP", child.line


def _password(child: Statement, block: Statement) -> Found:
    passwords = child.find("auth_pass")
    if child.block and not passwords:
        text = "authentication without a password is ignored"
        yield text, "no-password", "warning", "write one statement a line", child.line
    for one in passwords:
        if len(encode(one.name)) > AUTH_PASS_LENGTH and "$" not in one.name:
            text = f"the password is cut to {AUTH_PASS_LENGTH} characters"
            yield text, "auth-pass-cut", "warning", "write no more", one.line


def _addresses(child: Statement, block: Statement) -> Found:
    for item in child.children:
        pairs = zip(item.words, item.words[1:], strict=False)
        extra = next(
            (word for option, word in pairs if option not in ADDRESS_OPTIONS and is_interface(word)), ""
        )
        if extra:
            text = f"'{extra}' after '{item.keyword}' is dropped"
            yield text, "dropped-words", "warning", "write one address a line", item.line


def _duplicates(blocks: Sequence[Statement], file: str) -> Iterator[Problem]:
    taken: dict[str, int] = {}
    for block in blocks:
        first = taken.setdefault(block.name, block.line)
        if first != block.line:
            text = f"vrrp_instance {block.name} is already defined on line {first}"
            yield Problem(text, Place(file, block.line), "use another name", code="duplicate-section")


def _router_ids(blocks: Sequence[Statement], file: str) -> Iterator[Problem]:
    taken: dict[tuple[str, str, bool], str] = {}
    for block in blocks:
        number = "".join(one.name for one in block.find("virtual_router_id")[-1:])
        interface = "".join(one.name for one in block.find("interface")[-1:])
        keywords = {child.keyword for child in block.children}
        if not number and not any(word.startswith(_INDIRECT) for word in keywords):
            text = f"vrrp_instance {block.name} has no virtual_router_id"
            yield Problem(text, Place(file, block.line), code="no-router-id")
        vips = [item for listing in block.find("virtual_ipaddress") for item in listing.children]
        key = (number, interface, any(":" in item.keyword for item in vips[:1]))
        first = taken.setdefault(key, block.name)
        if number and interface and first != block.name:
            text = f"{first} and {block.name} share virtual_router_id {number} on {interface}"
            yield Problem(text, Place(file, block.line), "use another number", code="shared-router-id")


def _scripts(statements: Sequence[Statement], blocks: Sequence[Statement], file: str) -> Iterator[Problem]:
    known = {one.name for one in statements if one.keyword == "vrrp_script"}
    for block in blocks:
        for item in (one for listing in block.find("track_script") for one in listing.children):
            if item.keyword not in known and not item.keyword.startswith(_INDIRECT):
                text = f"track_script {item.keyword} is not defined: keepalived goes on without it"
                yield Problem(text, Place(file, item.line), code="unknown-script")


def _undefined(statements: Sequence[Statement], file: str) -> Iterator[Problem]:
    """`$NAME` that nothing in this file defines stays as text.

    Commands may mean a variable of their shell.
    """
    every = [one for statement in statements for one in (statement, *_below(statement))]
    if any(one.keyword.startswith("include") for one in every):
        return
    known = _STANDARD | {name for one in every for word in one.words for name in _defined(word)}
    for one in every:
        if one.keyword.startswith(_COMMANDS) or _defined(one.keyword):
            continue
        names = [short or long for word in one.words for short, long in _REFERENCE.findall(word)]
        unknown = next((name for name in names if name not in known), "")
        if unknown:
            text = f"${unknown} is not defined: it stays as text"
            yield Problem(text, Place(file, one.line), level="warning", code="undefined-name")


def _defined(word: str) -> Sequence[str]:
    """The names that a word defines: `$NAME=…`, `~SEQ(NAME, …)`, `~LST({NAME,NAME}, …)`."""
    if word.startswith("~"):
        return _NAME.findall(word)
    return _DEFINITION.findall(word)


def _below(statement: Statement) -> list[Statement]:
    return [one for child in statement.children for one in (child, *_below(child))]


_CHECKS: dict[str, Callable[[Statement, Statement], Found]] = {
    "authentication": _password,
    "nopreempt": _nopreempt,
    "priority": _range,
    "state": _state,
    "virtual_router_id": _range,
    **dict.fromkeys(ADDRESSES, _addresses),
}
