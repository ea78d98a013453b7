"""Addresses that several proxies of one haproxy.cfg listen on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lbctl.errors import Problem
from lbctl.haproxy.views import Bind
from lbctl.lint.sections import File, FileCheck

_APART = ("interface", "namespace", "netns")


def twice(file: File) -> Iterator[Problem]:
    """One address and port in two proxies: the kernel deals connections out between them."""
    for first, second in _clashes(file):
        if first.address == second.address or first.families == second.families != ():
            said = f"{second.proxy} binds {second.raw}, as {first.proxy} does: "
            said += "each gets some of the connections"
            yield file.problem("duplicate-bind", said, second.line)


def shadowed(file: File) -> Iterator[Problem]:
    """One port on all addresses in one proxy, and on one of them in another."""
    for first, second in _clashes(file):
        wide, narrow = (first, second) if first.families else (second, first)
        if wide.families and not narrow.families and wide.answers(narrow.address):
            said = f"{wide.proxy} binds {wide.raw}, but what comes to {narrow.raw} goes to {narrow.proxy}"
            yield file.problem("shadowed-bind", said, wide.line)


def _clashes(file: File) -> Iterator[tuple[Bind, Bind]]:
    """Pairs of binds of different proxies that have a port in common."""
    if file.conditional:
        return iter(())
    lines = {line.line: line.words for _, line in file.document.walk() if line.keyword == "bind"}
    used = {one.name for one in file.sections if one.used and one.accepts}
    plain = [
        one
        for one in file.binds
        if one.first_port and not one.socket and one.proxy in used and "$" not in one.raw
        if not any(word in lines[one.line] for word in _APART)
    ]
    by_port: dict[int, list[Bind]] = {}
    for one in plain:
        for port in range(one.first_port, one.last_port + 1) if one.last_port - one.first_port < 1024 else ():
            by_port.setdefault(port, []).append(one)
    pairs = {
        (first.line, second.line, first.raw, second.raw): (first, second)
        for same in by_port.values()
        for first, second in combinations(same, 2)
        if first.proxy != second.proxy and first.udp == second.udp
    }
    return iter(pairs.values())


CHECKS: tuple[FileCheck, ...] = (twice, shadowed)
