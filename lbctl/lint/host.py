"""What the configurations need of the node around them: packages, sysctls, units, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.errors import Problem
from lbctl.keepalived.views import scripts
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject

Found = Iterator[tuple[str, Problem]]


def no_killall(subject: Subject) -> Found:
    for machine in subject.machines:
        if machine.packages is None or "psmisc" in machine.packages or machine.keepalived is None:
            continue
        for script in scripts(machine.keepalived.document):
            if script.command.split()[:1] and script.command.split()[0].rpartition("/")[2] == "killall":
                said = f"vrrp_script {script.name} calls killall, which the package psmisc brings"
                yield machine.name, problem("no-psmisc", said, machine.keepalived.place(script.line))


CHECKS: tuple[Callable[[Subject], Found], ...] = (no_killall,)
