"""haproxy.cfg on one node against the others': a VIP may come to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lbctl.document import Statement
from lbctl.haproxy.views import Bind, binds
from lbctl.keepalived.views import instances
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found, listed
from lbctl.lint.subject import Machine, Subject, Text
from lbctl.lint.vips import answers

_HERE = "${node}"


def missing_service(subject: Subject) -> Found:
    """Ports of a VIP that one node answers on, and another one that may get the VIP does not."""
    served = {one.name: _served(one) for one in subject.machines if one.haproxy and one.keepalived}
    for machine in subject.machines:
        said: dict[str, list[str]] = {}
        for service, proxy in _elsewhere(machine, subject, served).items():
            said.setdefault(proxy, []).append(service)
        for proxy, services in said.items():
            text = f"{machine.name} does not listen on {listed(services)}, where {proxy}: "
            text += "who asks there is refused when the VIP comes to it"
            if machine.haproxy:
                yield machine.name, problem("service-missing", text, machine.haproxy.place(0))


def differing(subject: Subject) -> Found:
    """Sections that are not the same as on the first node, its own name and address aside."""
    machines = [(one, one.haproxy) for one in subject.machines if one.haproxy]
    first: tuple[Machine, Text, Mapping[str, object]] | None = None
    for machine, text in machines:
        if first is None:
            first = (machine, text, _sections(machine, text))
            continue
        if text.document.render() == first[1].document.render():
            continue
        here = _sections(machine, text)
        names = [name for name in {**first[2], **here} if first[2].get(name) != here.get(name)]
        if names:
            said = f"{listed(names)}: not on {machine.name} as on {first[0].name}"
            yield machine.name, problem("files-differ", said, text.place(0))


def _elsewhere(
    machine: Machine, subject: Subject, served: Mapping[str, Mapping[str, Bind]]
) -> Mapping[str, str]:
    """What others answer on at this node's VIPs, and it does not: with where that is said."""
    if machine.name not in served:
        return {}
    own = binds(machine.haproxy.document) if machine.haproxy else ()
    found: dict[str, str] = {}
    for other in subject.machines:
        for service, bind in served.get(other.name, {}).items() if other is not machine else ():
            vip, _, port = service.rpartition(":")
            there = vip.strip("[]") in _vips(machine)
            if there and not any(answers(one, vip.strip("[]")) and _has(one, int(port)) for one in own):
                found.setdefault(service, f"{other.name} has {bind.proxy}")
    return found


def _served(machine: Machine) -> Mapping[str, Bind]:
    """ADDRESS:PORT of each VIP of the node's that its HAProxy answers on."""
    found: dict[str, Bind] = {}
    for vip in _vips(machine):
        for bind in binds(machine.haproxy.document) if machine.haproxy else ():
            if bind.first_port and bind.address == vip:
                found[f"[{vip}]:{bind.first_port}" if ":" in vip else f"{vip}:{bind.first_port}"] = bind
    return found


def _has(bind: Bind, port: int) -> bool:
    return bind.first_port <= port <= bind.last_port


def _vips(machine: Machine) -> frozenset[str]:
    every = instances(machine.keepalived.document) if machine.keepalived else ()
    return frozenset(vip.address for one in every for vip in one.vips)


def _sections(machine: Machine, text: Text) -> Mapping[str, object]:
    """Each section's lines in order, by "KEYWORD NAME", without what is the node's own."""
    found: dict[str, object] = {}
    for section in text.document.statements:
        name = " ".join(section.words[:2])
        found[name] = (found.get(name), tuple(_words(machine, section)))
    return found


def _words(machine: Machine, section: Statement) -> Iterator[tuple[str, ...]]:
    own = [one for one in (machine.address, machine.name) if one]
    for line in (section, *section.children):
        words = line.words
        for one in own:
            words = tuple(word.replace(one, _HERE) for word in words)
        yield words


CHECKS: tuple[Callable[[Subject], Found], ...] = (missing_service, differing)
