"""What is wrong in a haproxy.cfg by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.errors import Problem
from lbctl.haproxy.views import servers, stats_socket
from lbctl.lint.rules import problem
from lbctl.lint.subject import Machine, Subject, Text

Found = Iterator[tuple[str, Problem]]


def unchecked_servers(subject: Subject) -> Found:
    """Backends of which no server is checked."""
    for machine, text in _files(subject):
        found = servers(text.document)
        for proxy in dict.fromkeys(one.proxy for one in found):
            own = [one for one in found if one.proxy == proxy]
            if not any(one.check for one in own):
                said = f"backend {proxy}: no server is checked, requests go to dead ones too"
                yield machine.name, problem("no-check", said, text.place(own[0].line))


def no_stats_socket(subject: Subject) -> Found:
    for machine, text in _files(subject):
        if stats_socket(text.document) is None:
            yield machine.name, problem("no-stats-socket", "no stats socket of level admin", text.place(0))


def _files(subject: Subject) -> Iterator[tuple[Machine, Text]]:
    return ((machine, machine.haproxy) for machine in subject.machines if machine.haproxy)


CHECKS: tuple[Callable[[Subject], Found], ...] = (unchecked_servers, no_stats_socket)
