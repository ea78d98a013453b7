"""VIPs and binds: what one daemon has and the other does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from lbctl.haproxy.views import Bind
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found
from lbctl.lint.subject import Machine, Subject


def vip_without_bind(subject: Subject) -> Found:
    """Addresses that keepalived carries, and on which HAProxy does not listen."""
    for machine in subject.machines:
        if machine.haproxy is None or machine.keepalived is None or machine.partial:
            continue
        if not machine.binds or any("$" in one.raw for one in machine.binds):
            continue
        other = _virtual_servers(machine)
        for instance in machine.instances:
            for vip in instance.vips:
                if vip.address not in other and not machine.listens(vip.address):
                    said = f"nothing of haproxy.cfg binds to {vip.address}, which {instance.name} carries"
                    place = machine.keepalived.place(vip.line or instance.line)
                    yield machine.name, problem("vip-without-bind", said, place)


def bind_without_vip(subject: Subject) -> Found:
    """Addresses that HAProxy listens on, and neither keepalived carries nor the node has."""
    binding = Counter(address for one in subject.machines for address in _addresses(one))
    owners = {address: one.name for one in subject.machines for address in _own(one)}
    for machine in subject.machines:
        if machine.haproxy is None or machine.keepalived is None:
            continue
        own = _own(machine)
        for address, bind in _addresses(machine).items():
            # of a node that was not gathered nobody knows every address
            certain = machine.addresses is not None or binding[address] > 1 or address in owners
            if address in machine.vips or address in own or not certain:
                continue
            said = f"{bind.proxy} binds {bind.raw}, and no instance of keepalived.conf carries {address}"
            said += f": it is {owners[address]}'s" if address in owners else ""
            yield machine.name, problem("bind-without-vip", said, machine.haproxy.place(bind.line))


def nonlocal_binds(machine: Machine) -> Mapping[str, Bind]:
    """The VIPs of the node's instances that its HAProxy binds to by address, each with its first bind."""
    return {address: bind for address, bind in _addresses(machine).items() if address in machine.vips}


def _addresses(machine: Machine) -> Mapping[str, Bind]:
    """The addresses that the node's HAProxy binds to, loopback and whatever is no single address aside."""
    found: dict[str, Bind] = {}
    for bind in machine.binds:
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
    unicast = (one.unicast_source for one in machine.instances)
    return frozenset((machine.address, *(machine.addresses or ()), *unicast)) - {""}


def _virtual_servers(machine: Machine) -> frozenset[str]:
    """Addresses that the kernel's own load balancer answers on."""
    found = machine.keepalived.document.find("virtual_server") if machine.keepalived else ()
    return frozenset(one.name for one in found)


CHECKS: tuple[Callable[[Subject], Found], ...] = (vip_without_bind, bind_without_vip)
