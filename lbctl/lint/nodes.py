"""haproxy.cfg on one node against the others': a VIP may come to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lbctl.document import Statement
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found, listed
from lbctl.lint.subject import Machine, Subject, Text

_HERE = "${node}"


def missing_service(subject: Subject) -> Found:
    """Ports of a VIP that one node answers on, and another one that may get the VIP does not."""
    served: dict[tuple[str, int], str] = {}
    for machine in subject.machines:
        for vip in sorted(machine.vips):
            for bind in machine.binds:
                if bind.first_port and bind.answers(vip):
                    served.setdefault((vip, bind.first_port), f"{machine.name} has {bind.proxy}")
    for machine in subject.machines:
        said: dict[str, list[str]] = {}
        for (vip, port), where in served.items():
            known = machine.haproxy and vip in machine.vips and not machine.partial
            if known and not machine.listens(vip, port):
                said.setdefault(where, []).append(f"[{vip}]:{port}" if ":" in vip else f"{vip}:{port}")
        for where, services in said.items():
            text = f"{machine.name} does not listen on {listed(services)}, where {where}: "
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
