"""What is wrong in a keepalived.conf by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.errors import Problem
from lbctl.lint.rules import problem
from lbctl.lint.subject import Machine, Subject, Text

Found = Iterator[tuple[str, Problem]]


def strict(subject: Subject) -> Found:
    for machine, text in _files(subject):
        for block in text.document.find("global_defs"):
            for line in block.find("vrrp_strict"):
                said = "vrrp_strict: no authentication, no unicast, and the VIP itself does not answer"
                yield machine.name, problem("vrrp-strict", said, text.place(line.line))


def _files(subject: Subject) -> Iterator[tuple[Machine, Text]]:
    return ((machine, machine.keepalived) for machine in subject.machines if machine.keepalived)


CHECKS: tuple[Callable[[Subject], Found], ...] = (strict,)
