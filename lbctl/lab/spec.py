"""What a lab shall be: frozen nouns, and the check that they can be built.

Addresses are strings: `10.15.85.32/24` with the prefix length where an interface gets one, bare where a
VIP is meant. The same ranges may be used by two labs at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from lbctl.errors import InputError, Problem
from lbctl.model.ip import is_interface

VRRP = "vrrp"
OUTSIDE = "outside"  # the segment between the operator and a bastion
INNER = "inner"  # the segment between a router and the client
BECOME = ("none", "sudo", "sudo-password")
RESERVED = ("net", "client", "router", "bastion")
PREFIX = re.compile(r"[a-z0-9]{1,8}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
INTERFACE = re.compile(r"(?!lo$)[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class LabNetwork:
    """One segment. `operator` holds the addresses of the operator's end; without any, it is not reached.

    `reach` are the networks on it: everybody on the segment reaches all of them without a router.
    """

    name: str = VRRP
    operator: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabLink:
    """An interface of something, on a network, with its addresses."""

    network: str
    interface: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class LabNode:
    """A load balancer to be. `addresses` are those on the VRRP network; lbctl logs in at the management
    address where there is one. `password` is what sudo asks for with `sudo-password`. `disk_mb` bounds what
    the node can write (0 = what the machine has). `aliases` are further names for `ssh`."""

    name: str
    addresses: tuple[str, ...]
    interface: str = "eth0"
    network: str = VRRP
    management: LabLink | None = None
    more: tuple[LabLink, ...] = ()
    user: str = "root"
    become: str = "none"
    password: str = field(default="", repr=False)
    ssh_port: int = 22
    disk_mb: int = 0
    aliases: tuple[str, ...] = ()

    @property
    def links(self) -> tuple[LabLink, ...]:
        first = LabLink(self.network, self.interface, self.addresses)
        return (first, *([self.management] if self.management else []), *self.more)

    @property
    def login(self) -> str:
        """The bare address where SSH is asked for."""
        return bare((self.management.addresses if self.management else self.addresses)[0])


@dataclass(frozen=True)
class LabController:
    """A small HTTP server on every one of `ports`, at every one of `addresses`."""

    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    network: str = VRRP


@dataclass(frozen=True)
class LabRouter:
    """What stands between client and cluster: its addresses on the cluster's and on the client's side."""

    addresses: tuple[str, ...]
    inner: tuple[str, ...]


@dataclass(frozen=True)
class LabClient:
    """Where the load comes from. With a router, `addresses` are on the router's inner side."""

    addresses: tuple[str, ...]
    network: str = VRRP
    router: LabRouter | None = None
    more: tuple[LabLink, ...] = ()


@dataclass(frozen=True)
class LabBastion:
    """The only way to the nodes' SSH: `outside` is asked by the operator (whose own end is `operator`),
    `links` reach the nodes."""

    outside: str
    operator: str
    links: tuple[LabLink, ...]


@dataclass(frozen=True)
class LabSpec:
    """A whole lab. `prefix` is in the name of everything that the lab makes on this machine; `cluster` is the
    cluster's own name. `ports` are those of the first VIP that load goes to, otherwise the controllers'.
    `bare_tools=False` leaves socat and nft out of the nodes (they can be installed)."""

    prefix: str
    nodes: tuple[LabNode, ...]
    cluster: str = ""
    controllers: tuple[LabController, ...] = ()
    client: LabClient | None = None
    networks: tuple[LabNetwork, ...] = (LabNetwork(),)
    bastion: LabBastion | None = None
    vips: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    suite: str = "bookworm"
    bare_tools: bool = True
    extra_packages: tuple[str, ...] = ()

    @property
    def machines(self) -> tuple[LabNode, ...]:
        """All that is booted: the nodes, and the bastion."""
        if self.bastion is None:
            return self.nodes
        bastion = LabNode(
            "bastion",
            (self.bastion.outside,),
            interface="outside0",
            network=OUTSIDE,
            more=self.bastion.links,
        )
        return (*self.nodes, bastion)

    def machine(self, name: str) -> LabNode | None:
        return next((node for node in self.machines if node.name == name), None)

    def controller(self, name: str) -> LabController | None:
        return next((controller for controller in self.controllers if controller.name == name), None)

    @property
    def targets(self) -> tuple[str, ...]:
        """Where load goes unless told: the first VIP at each of its ports."""
        ports = self.ports or sorted({port for item in self.controllers for port in item.ports})
        return tuple(join(bare(self.vips[0]), port) for port in ports) if self.vips else ()


def bare(address: str) -> str:
    """An address without its prefix length."""
    return address.partition("/")[0]


def join(address: str, port: int) -> str:
    """`10.0.0.1:80`, `[fd00::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def names(spec: LabSpec) -> list[tuple[str, str]]:
    """(name, address) of everything that has a name of its own."""
    machines = [(machine.name, bare(machine.addresses[0])) for machine in spec.machines]
    return machines + [(controller.name, bare(controller.addresses[0])) for controller in spec.controllers]


def check(spec: LabSpec) -> None:
    """Raise InputError with everything that keeps this lab from being built."""
    problems = [Problem(text) for text in _problems(spec)]
    if problems:
        raise InputError(problems)


def to_json(spec: LabSpec) -> dict[str, Any]:
    return asdict(spec)


def from_json(data: dict[str, Any]) -> LabSpec:
    """The inverse of `to_json`, also after the way through a JSON text."""
    nodes = tuple(
        LabNode(**_lists({**node, "management": _link(node["management"]), "more": _links(node["more"])}))
        for node in data["nodes"]
    )
    bastion = data["bastion"]
    return LabSpec(
        **_lists({**data, "nodes": nodes, "client": _client(data["client"])})
        | {
            "controllers": tuple(LabController(**_lists(controller)) for controller in data["controllers"]),
            "networks": tuple(LabNetwork(**_lists(network)) for network in data["networks"]),
            "bastion": LabBastion(**{**bastion, "links": _links(bastion["links"])}) if bastion else None,
        }
    )


def _lists(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _link(data: dict[str, Any] | None) -> LabLink | None:
    return LabLink(**_lists(data)) if data else None


def _links(data: list[dict[str, Any]]) -> tuple[LabLink, ...]:
    return tuple(LabLink(**_lists(link)) for link in data)


def _client(data: dict[str, Any] | None) -> LabClient | None:
    if data is None:
        return None
    router = LabRouter(**_lists(data["router"])) if data["router"] else None
    return LabClient(**_lists({**data, "router": router, "more": _links(data["more"])}))


def _problems(spec: LabSpec) -> Iterator[str]:
    if not PREFIX.fullmatch(spec.prefix):
        yield f"the lab's prefix {spec.prefix!r} is not 1 to 8 lower-case letters and digits"
    if not spec.nodes:
        yield "the lab has no node"
    yield from _name_problems(spec)
    yield from _link_problems(spec)
    for node in spec.nodes:
        if node.become not in BECOME:
            yield f"node {node.name}: become is {node.become!r}, not one of {', '.join(BECOME)}"
        if not USER.fullmatch(node.user):
            yield f"node {node.name}: {node.user!r} is no user name"
        if node.become == "sudo-password" and not node.password:
            yield f"node {node.name}: sudo-password needs a password"
    for vip in spec.vips:
        if not is_interface(vip):
            yield f"VIP {vip!r} is no address"


def _name_problems(spec: LabSpec) -> Iterator[str]:
    named = [*(node.name for node in spec.nodes), *(item.name for item in spec.controllers)]
    for name in named:
        if not NAME.fullmatch(name) or name in RESERVED:
            yield f"{name!r} cannot be the name of a node or controller"
    for name, count in Counter(named).items():
        if count > 1:
            yield f"{name!r} names {count} things"
    for network in spec.networks:
        if not INTERFACE.fullmatch(network.name):
            yield f"{network.name!r} cannot be the name of a network: 1 to 15 letters, digits, dots, hyphens"


def _link_problems(spec: LabSpec) -> Iterator[str]:
    networks = {network.name for network in spec.networks}
    for owner, link in _all_links(spec):
        if link.network not in networks:
            yield f"{owner}: there is no network {link.network!r}"
        if not INTERFACE.fullmatch(link.interface):
            yield f"{owner}: {link.interface!r} cannot be the name of an interface"
        if not link.addresses:
            yield f"{owner}: no address on {link.interface}"
        for address in link.addresses:
            if "/" not in address or not is_interface(address):
                yield f"{owner}: {address!r} is no address with a prefix length"


def _all_links(spec: LabSpec) -> Iterator[tuple[str, LabLink]]:
    for node in spec.nodes:
        yield from ((f"node {node.name}", link) for link in node.links)
    for controller in spec.controllers:
        yield f"controller {controller.name}", LabLink(controller.network, "eth0", controller.addresses)
    if spec.client:
        yield "client", LabLink(spec.client.network, "eth0", spec.client.addresses)
        yield from (("client", link) for link in spec.client.more)
    for link in spec.bastion.links if spec.bastion else ():
        yield "bastion", link
