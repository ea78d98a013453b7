"""The lab's network as `ip` commands: bridges in their own namespace, and what is plugged in. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lbctl.lab.spec import INNER, OUTSIDE, LabLink, LabNetwork, LabSpec, bare

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    owners = [(machine.name, machine.links) for machine in spec.machines]
    owners += [(item.name, (LabLink(item.network, "eth0", item.addresses),)) for item in spec.controllers]
    return (
        *(Endpoint(name, links, (*_routes(spec, links), *back)) for name, links in owners),
        *_client(spec),
    )


def networks(spec: LabSpec) -> tuple[LabNetwork, ...]:
    """The lab's segments, with those that a bastion and a router bring.

    Behind a bastion the operator's own ends on the other segments are left out: they would be a way around.
    """
    inner = (LabNetwork(INNER),) if spec.client and spec.client.router else ()
    if spec.bastion is None:
        return (*spec.networks, *inner)
    outside = LabNetwork(OUTSIDE, (spec.bastion.operator,))
    return (*(replace(network, operator=()) for network in spec.networks), *inner, outside)


def switch(spec: LabSpec) -> list[str]:
    """What makes the bridges, and the operator's ends on them, in the lab's own namespace."""
    lines = []
    for network in networks(spec):
        lines.append(f"link add {network.name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        lines += [_address(address, network.name) for address in network.operator]
        lines.append(f"link set {network.name} up")
    ends = [
        LabLink(network.name, network.name, network.operator)
        for network in networks(spec)
        if network.operator
    ]
    return lines + [f"route add {route}" for route in _routes(spec, ends)]


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
        links = (LabLink(client.network, "eth0", client.addresses), *client.more)
        yield Endpoint("client", links, tuple(_routes(spec, links)))
        return
    outer = (LabLink(client.network, "eth0", router.addresses), *client.more)
    inner = LabLink(INNER, "inner0", router.inner)
    yield Endpoint("router", (*outer, inner), tuple(_routes(spec, outer)), forwards=True)
    via = tuple(f"default via {bare(address)}" for address in router.inner)
    yield Endpoint("client", (LabLink(INNER, "eth0", client.addresses),), via)


def _routes(spec: LabSpec, links: Sequence[LabLink]) -> Iterator[str]:
    """Everything on an interface's segment is reached without a router, VIPs outside its networks too."""
    segments = {network.name: network for network in spec.networks}
    own = [ipaddress.ip_interface(address).network for link in links for address in link.addresses]
    for link in links:
        reach = segments[link.network].reach if link.network in segments else ()
        vips = [bare(vip) for vip in spec.vips] if link.network == spec.nodes[0].network else []
        for wanted in map(ipaddress.ip_network, (*reach, *vips)):
            if not any(_within(wanted, network) for network in own):
                own.append(wanted)
                yield f"{wanted} dev {link.interface}"


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # same version


def _address(address: str, interface: str) -> str:
    # Duplicate address detection would hold an IPv6 address back for a second.
    nodad = " nodad" if ":" in address else ""
    return f"addr add {address} dev {interface}{nodad}"
