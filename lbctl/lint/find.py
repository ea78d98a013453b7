"""All checks over a subject, in one order; the same finding on several nodes is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.errors import Place, Problem
from lbctl.lint import haproxy, host, keepalived, vips, vrrp
from lbctl.lint.rules import rules
from lbctl.lint.subject import Machine, Subject, Text
from lbctl.model.finding import Finding

Check = Callable[[Subject], Iterator[tuple[str, Problem]]]
"""Yields (node, problem); "" for what is the whole cluster's."""

CHECKS: tuple[Check, ...] = (
    *haproxy.CHECKS,
    *keepalived.CHECKS,
    *vrrp.CHECKS,
    *vips.CHECKS,
    *host.CHECKS,
)


def find(subject: Subject) -> tuple[Finding, ...]:
    """Everything that is wrong, by place; what the parsers found is part of it."""
    found: dict[Problem, list[str]] = {}
    for node, problem in _all(subject):
        nodes = found.setdefault(problem, [])
        if node and node not in nodes:
            nodes.append(node)
    findings = [Finding(problem, tuple(nodes)) for problem, nodes in found.items()]
    return tuple(sorted(findings, key=lambda one: one.order))


def _all(subject: Subject) -> Iterator[tuple[str, Problem]]:
    for machine in subject.machines:
        for text in (machine.haproxy, machine.keepalived):
            yield from _parsed(machine, text)
    for check in CHECKS:
        yield from check(subject)


def _parsed(machine: Machine, text: Text | None) -> Iterator[tuple[str, Problem]]:
    """What the parsers found, at the place where the user has written it."""
    for one in text.document.problems if text else ():
        known = rules().get(one.code)
        mend = one.mend or (known.mend if known else "")
        yield machine.name, Problem(one.text, _place(text, one.place), mend, one.level, one.code)


def _place(text: Text | None, found: Place | None) -> Place | None:
    if text is None or found is None:
        return None
    place = text.place(found.line)
    return place if text.places else Place(place.file, place.line, found.column)
