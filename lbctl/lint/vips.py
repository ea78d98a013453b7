"""VIPs and binds: what one daemon has and the other does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address

from lbctl.haproxy.views import Bind, binds
from lbctl.keepalived.views import instances
from lbctl.lint.binds import ALL_IPV4
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found
from lbctl.lint.subject import Machine, Subject

_ALL_IPV6 = "::"


def vip_without_bind(subject: Subject) -> Found:
    """Addresses that keepalived carries, and on which HAProxy does not listen."""
    for machine in subject.machines:
        if machine.haproxy is None or machine.keepalived is None:
            continue
        found = binds(machine.haproxy.document)
        if not found or any("$" in one.raw for one in found):
            continue
        other = _virtual_servers(machine)
        for instance in instances(machine.keepalived.document):
            for vip in instance.vips:
                if vip.address not in other and not any(answers(one, vip.address) for one in found):
                    said = f"nothing of haproxy.cfg binds to {vip.address}, which {instance.name} carries"
                    place = machine.keepalived.place(vip.line or instance.line)
                    yield machine.name, problem("vip-without-bind", said, place)


def bind_without_vip(subject: Subject) -> Found:
    """Addresses that HAProxy listens on, and neither keepalived carries nor the node has."""
    binding = _binding(subject)
    for machine in subject.machines:
        if machine.haproxy is None or machine.keepalived is None:
            continue
        carried, own = _vips(machine), _own(machine)
        for address, bind in _addresses(machine).items():
            if address in carried or address in own or not _certain(subject, machine, address, binding):
                continue
            said = f"{bind.proxy} binds {bind.raw}, and no instance of keepalived.conf carries {address}"
            others = [one.name for one in subject.machines if one is not machine and address in _own(one)]
            said += f": it is {others[0]}'s" if others else ""
            yield machine.name, problem("bind-without-vip", said, machine.haproxy.place(bind.line))


def nonlocal_binds(machine: Machine) -> Mapping[str, Bind]:
    """The VIPs of the node's instances that its HAProxy binds to by address, each with its first bind."""
    vips = _vips(machine)
    return {address: bind for address, bind in _addresses(machine).items() if address in vips}


def answers(bind: Bind, vip: str) -> bool:
    """Does a connection to the VIP reach this bind, its port aside? A bare port is all of IPv4."""
    if bind.socket:
        return False
    return bind.address == vip or bind.address == _ALL_IPV6 or (":" not in vip and bind.address in ALL_IPV4)


def _certain(subject: Subject, machine: Machine, address: str, binding: Mapping[str, int]) -> bool:
    """Of a node that was not gathered nobody knows every address: then a second one has to bind to it."""
    if machine.addresses is not None or binding[address] > 1:
        return True
    return any(address in _own(one) for one in subject.machines if one is not machine)


def _binding(subject: Subject) -> Mapping[str, int]:
    """How many nodes bind to each address."""
    found: dict[str, int] = {}
    for machine in subject.machines:
        for address in _addresses(machine):
            found[address] = found.get(address, 0) + 1
    return found


def _addresses(machine: Machine) -> Mapping[str, Bind]:
    """The addresses that the node's HAProxy binds to, loopback and whatever is no single address aside."""
    found: dict[str, Bind] = {}
    for bind in binds(machine.haproxy.document) if machine.haproxy else ():
        if not bind.socket and _single(bind.address):
            found.setdefault(bind.address, bind)
    return found


def _single(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_link_local)


def _own(machine: Machine) -> frozenset[str]:
    """Addresses that the node is known to have by itself."""
    found = {machine.address, *(machine.addresses or ())}
    if machine.keepalived:
        found |= {one.unicast_source for one in instances(machine.keepalived.document)}
    return frozenset(found) - {""}


def _vips(machine: Machine) -> frozenset[str]:
    every = instances(machine.keepalived.document) if machine.keepalived else ()
    return frozenset(vip.address for one in every for vip in one.vips)


def _virtual_servers(machine: Machine) -> frozenset[str]:
    """Addresses that the kernel's own load balancer answers on."""
    every: Iterator[str] = iter(())
    if machine.keepalived:
        every = (one.name for one in machine.keepalived.document.find("virtual_server"))
    return frozenset(every)


CHECKS: tuple[Callable[[Subject], Found], ...] = (vip_without_bind, bind_without_vip)
