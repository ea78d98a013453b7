"""The lab's network as `ip` commands: bridges in their own namespace, and what is plugged in. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lbctl.lab.spec import INNER, OUTSIDE, LabLink, LabNetwork, LabSpec, bare


@dataclass(frozen=True)
class Endpoint:
    """Something with a network namespace of its own: its links, and routes (`ip route add` arguments)."""

    name: str
    links: tuple[LabLink, ...]
    routes: tuple[str, ...] = ()
    forwards: bool = False


def endpoints(spec: LabSpec) -> tuple[Endpoint, ...]:
    """Everything of a lab that is plugged in, in a fixed order: a port's name is made from its place."""
    gateway = spec.client.router.addresses if spec.client and spec.client.router else ()
    back = tuple(f"default via {bare(address)}" for address in gateway)
    machines = [Endpoint(node.name, node.links, back) for node in spec.machines]
    controllers = [
        Endpoint(item.name, (LabLink(item.network, "eth0", item.addresses),), back)
        for item in spec.controllers
    ]
    return (*machines, *controllers, *_client(spec))


def networks(spec: LabSpec) -> tuple[LabNetwork, ...]:
    """The lab's segments, with those that a bastion and a router bring. Behind a bastion the operator's own
    ends on the other segments are left out: it would be a way around."""
    inner = (LabNetwork(INNER),) if spec.client and spec.client.router else ()
    if spec.bastion is None:
        return (*spec.networks, *inner)
    outside = LabNetwork(OUTSIDE, (spec.bastion.operator,))
    return (*(LabNetwork(network.name) for network in spec.networks), *inner, outside)


def switch(spec: LabSpec) -> list[str]:
    """What makes the bridges, and the operator's ends on them, in the lab's own namespace."""
    lines = []
    for network in networks(spec):
        lines.append(f"link add {network.name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        lines += [_address(address, network.name) for address in network.operator]
        lines.append(f"link set {network.name} up")
        lines += [f"route add {route}" for route in _vip_routes(spec.vips, network.operator, network.name)]
    return lines


def plug(endpoint: Endpoint, place: int, namespace: str) -> list[str]:
    """What connects an endpoint's (existing) namespace to the bridges, to be run in the lab's own."""
    lines = []
    for number, link in enumerate(endpoint.links):
        port, mac = port_name(place, number), mac_of(link.addresses[0])
        lines.append(f"link add {port} type veth peer name {link.interface} address {mac} netns {namespace}")
        lines.append(f"link set {port} master {link.network} up")
    return lines


def unplug(endpoint: Endpoint, place: int) -> list[str]:
    return [f"link del {port_name(place, number)}" for number in range(len(endpoint.links))]


def inside(endpoint: Endpoint) -> list[str]:
    """What an endpoint's own namespace gets."""
    lines = ["link set lo up"]
    for link in endpoint.links:
        lines += [_address(address, link.interface) for address in link.addresses]
        lines.append(f"link set {link.interface} up")
    return lines + [f"route add {route}" for route in endpoint.routes]


def port_name(place: int, number: int) -> str:
    """An endpoint's port on a bridge; short, as interface names must be."""
    return f"p{place}.{number}"


def mac_of(address: str) -> str:
    """Always the same for an address: neighbours that remember it are right after a reboot."""
    digest = hashlib.sha256(bare(address).encode()).digest()
    return ":".join(["02", *(f"{byte:02x}" for byte in digest[:5])])


def _client(spec: LabSpec) -> Iterator[Endpoint]:
    client = spec.client
    if client is None:
        return
    router = client.router
    if router is None:
        link = LabLink(client.network, "eth0", client.addresses)
        yield Endpoint("client", (link,), tuple(_vip_routes(spec.vips, client.addresses, "eth0")))
        return
    outer = LabLink(client.network, "eth0", router.addresses)
    routes = tuple(_vip_routes(spec.vips, router.addresses, "eth0"))
    yield Endpoint("router", (outer, LabLink(INNER, "eth1", router.inner)), routes, forwards=True)
    via = tuple(f"default via {bare(address)}" for address in router.inner)
    yield Endpoint("client", (LabLink(INNER, "eth0", client.addresses),), via)


def _vip_routes(vips: Sequence[str], addresses: Sequence[str], interface: str) -> Iterator[str]:
    """A VIP outside the subnets of its segment is still on the segment."""
    own = [ipaddress.ip_interface(address) for address in addresses]
    for text in vips:
        vip = ipaddress.ip_address(bare(text))
        same = [mine for mine in own if mine.version == vip.version]
        if same and not any(vip in mine.network for mine in same):
            yield f"{vip} dev {interface}"


def _address(address: str, interface: str) -> str:
    # Duplicate address detection would hold an IPv6 address back for a second.
    nodad = " nodad" if ":" in address else ""
    return f"addr add {address} dev {interface}{nodad}"
