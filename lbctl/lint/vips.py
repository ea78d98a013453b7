"""VIPs and binds: what one daemon has and the other does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.errors import Problem
from lbctl.haproxy.views import binds
from lbctl.keepalived.views import instances
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject

Found = Iterator[tuple[str, Problem]]
EVERYWHERE = ("", "*", "0.0.0.0", "::")


def vip_without_bind(subject: Subject) -> Found:
    for machine in subject.machines:
        if machine.haproxy is None or machine.keepalived is None:
            continue
        bound = {one.address for one in binds(machine.haproxy.document)}
        for instance in instances(machine.keepalived.document):
            for vip in instance.vips:
                if vip.address not in bound and not bound.intersection(EVERYWHERE):
                    said = f"nothing of haproxy.cfg binds to {vip.address}, which {instance.name} carries"
                    place = machine.keepalived.place(vip.line or instance.line)
                    yield machine.name, problem("vip-without-bind", said, place)


CHECKS: tuple[Callable[[Subject], Found], ...] = (vip_without_bind,)
