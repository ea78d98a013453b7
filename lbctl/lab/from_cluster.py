"""From a cluster to the lab that is like it. Pure: reads the documents that the nodes shall have.

What the cluster file leaves open is chosen: prefix lengths (/24 and /64 where nothing says otherwise), the
client's and the operator's addresses, and addresses on further interfaces.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lbctl import haproxy, keepalived
from lbctl.haproxy.views import Server, binds, proxies, servers
from lbctl.keepalived.views import instances
from lbctl.lab.spec import (
    VRRP,
    LabBastion,
    LabClient,
    LabController,
    LabLink,
    LabNetwork,
    LabNode,
    LabSpec,
)
from lbctl.model.cluster import Cluster, Node
from lbctl.model.ip import is_address

MANAGEMENT = "mgmt"
EVERYWHERE = ("", "*", "0.0.0.0", "::")  # what a bind on every address says
LENGTHS = {4: 24, 6: 64}
BASTION_OUTSIDE = "192.0.2.1/24"  # TEST-NET-1: nobody's cluster
BASTION_OPERATOR = "192.0.2.2/24"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Options:
    """What a user may ask for beyond the cluster file. Empty = as the file says."""

    prefix: str = ""
    bastion: bool = False
    user: str = ""
    become: str = ""
    password: str = field(default="", repr=False)
    suite: str = "bookworm"
    bare_tools: bool = True
    extra_packages: tuple[str, ...] = ()


@dataclass
class _Plan:
    """The addresses of one segment: its networks, and which addresses are taken."""

    networks: list[Network] = field(default_factory=list)
    taken: set[Address] = field(default_factory=set)

    def learn(self, text: str, length: int = 0) -> str:
        """Take an address in; it with its prefix length (`length` when the address says none)."""
        address = ipaddress.ip_address(text)
        self.taken.add(address)
        home = next((network for network in self.networks if address in network), None)
        if home is None:
            home = ipaddress.ip_network(f"{address}/{length or LENGTHS[address.version]}", strict=False)
            self.networks.append(home)
        return f"{address}/{home.prefixlen}"

    def free(self) -> tuple[str, ...]:
        """A free address in the first network of each family, from its upper end; taken from now on."""
        chosen = []
        for version in sorted(LENGTHS):
            network = next((network for network in self.networks if network.version == version), None)
            if network is not None:
                top = int(network.network_address) + min(network.num_addresses, 256) - 2
                candidates = (type(network.network_address)(number) for number in range(top, top - 250, -1))
                address = next(address for address in candidates if address not in self.taken)
                self.taken.add(address)
                chosen.append(f"{address}/{network.prefixlen}")
        return tuple(chosen)

    @property
    def reach(self) -> tuple[str, ...]:
        return tuple(map(str, self.networks))


def from_cluster(cluster: Cluster, options: Options) -> LabSpec:
    """The lab of a cluster. `lab.spec.check` says whether it can be built."""
    plan, management, further = _Plan(), _Plan(), _further(cluster)
    apart = {address for segment in further.values() for address in segment.taken}
    for vip in cluster.vips:  # first: a VIP's prefix length is the only one that a file tells
        if vip.interface.ip not in apart:
            own = vip.interface.network.prefixlen
            plan.learn(str(vip.interface.ip), own if own < vip.interface.max_prefixlen else 0)
    nodes = tuple(_node(node, plan, management, further, options) for node in cluster.nodes)
    controllers = tuple(_controllers(cluster, plan))
    operator, client = plan.free(), plan.free()
    more = tuple(LabLink(name, name, segment.free()) for name, segment in further.items())
    networks = [LabNetwork(VRRP, operator, plan.reach)]
    if management.networks:
        networks.append(LabNetwork(MANAGEMENT, management.free(), management.reach))
    networks += [LabNetwork(name, (), segment.reach) for name, segment in further.items()]
    inner = management if management.networks else plan
    bastion_network = MANAGEMENT if management.networks else VRRP
    bastion = LabLink(bastion_network, "inside0", inner.free())
    return LabSpec(
        prefix=options.prefix or slug(cluster.name),
        cluster=cluster.name,
        nodes=nodes,
        controllers=controllers,
        client=LabClient(client, more=more),
        networks=tuple(networks),
        bastion=LabBastion(BASTION_OUTSIDE, BASTION_OPERATOR, (bastion,)) if options.bastion else None,
        vips=tuple(str(vip.interface.ip) for vip in cluster.vips),
        ports=_service_ports(cluster),
        suite=options.suite,
        bare_tools=options.bare_tools,
        extra_packages=options.extra_packages,
    )


def slug(name: str) -> str:
    """A lab's prefix from a cluster's name: its first 8 letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())[:8] or "lab"


def _node(node: Node, plan: _Plan, management: _Plan, further: dict[str, _Plan], options: Options) -> LabNode:
    user = options.user or node.ssh.user or "root"
    become, password = _become(node, user, options)
    host = node.ssh.host
    apart = is_address(host) and host != node.address
    return LabNode(
        node.name,
        (plan.learn(node.address),),
        interface=_main_interface(node),
        management=LabLink(MANAGEMENT, "mgmt0", (management.learn(host),)) if apart else None,
        more=tuple(LabLink(name, name, segment.free()) for name, segment in further.items()),
        user=user,
        become=become,
        password=password,
        ssh_port=node.ssh.port or 22,
        aliases=(host,) if host != node.name else (),
    )


def _become(node: Node, user: str, options: Options) -> tuple[str, str]:
    if user == "root":
        return "none", ""
    if options.become:
        return options.become, options.password
    if node.ssh.become_password:
        return "sudo-password", node.ssh.become_password
    return ("sudo" if node.ssh.become else "none"), ""


def _main_interface(node: Node) -> str:
    """The interface of the first VRRP instance: what the node's address is on."""
    return next((interface for interface, _ in _vip_places(node)), "eth0")


def _further(cluster: Cluster) -> dict[str, _Plan]:
    """The segments of interfaces beyond the main one that carry VIPs, by interface."""
    found: dict[str, _Plan] = {}
    for node in cluster.nodes:
        main = _main_interface(node)
        for interface, vip in _vip_places(node):
            if interface != main:
                found.setdefault(interface, _Plan()).learn(vip)
    return found


def _vip_places(node: Node) -> Iterator[tuple[str, str]]:
    """(interface, bare address) of every VIP of a node's keepalived.conf."""
    file = node.file_of("keepalived")
    if file is None:
        return
    for instance in instances(keepalived.parse(file.content.data, file.path)):
        for vip in instance.vips:
            interface = vip.dev or instance.interface
            if interface and is_address(vip.address):
                yield interface, vip.address


def _controllers(cluster: Cluster, plan: _Plan) -> Iterator[LabController]:
    """One for each address that a server line or a member names, with every port that is asked for there."""
    ports, names = _asked(cluster)
    own = {node.address for node in cluster.nodes} | {str(vip.interface.ip) for vip in cluster.vips}
    taken = {node.name for node in cluster.nodes}
    for address, name in names.items():
        if address in own or ipaddress.ip_address(address).is_loopback:
            continue
        unique = name if name not in taken else f"{name}-{len(taken)}"
        taken.add(unique)
        yield LabController(unique, (plan.learn(address),), tuple(sorted(ports.get(address, ()))) or (80,))


def _service_ports(cluster: Cluster) -> tuple[int, ...]:
    """The ports at the first VIP where plain requests reach a server."""
    file = cluster.nodes[0].file_of("haproxy") if cluster.nodes else None
    if file is None or not cluster.vips:
        return ()
    document = haproxy.parse(file.content.data, file.path)
    serving = {server.proxy for server in servers(document)}
    serving |= {proxy.name for proxy in proxies(document) if proxy.default_backend or proxy.backends}
    here = {str(cluster.vips[0].interface.ip), *EVERYWHERE}
    plain = [bind for bind in binds(document) if not (bind.ssl or bind.socket or bind.udp)]
    return tuple(
        sorted({bind.first_port for bind in plain if bind.proxy in serving and bind.address in here} - {0})
    )


def _asked(cluster: Cluster) -> tuple[dict[str, set[int]], dict[str, str]]:
    """By address: the ports that the nodes' haproxy.cfg asks for, and a name."""
    named = [member for group in cluster.groups for member in group.members]
    names = {member.address: member.name for member in named if is_address(member.address)}
    ports: dict[str, set[int]] = {}
    for node in cluster.nodes:
        file = node.file_of("haproxy")
        if file is None:
            continue
        document = haproxy.parse(file.content.data, file.path)
        listened = {bind.first_port for bind in binds(document) if bind.first_port}
        for server in servers(document):
            if is_address(server.address):
                names.setdefault(server.address, server.name)
                ports.setdefault(server.address, set()).update(_ports(server, listened))
    return ports, names


def _ports(server: Server, listened: Iterable[int]) -> set[int]:
    """A server's own port (or, without one, every port that is listened on) and that of its check."""
    own = {server.port} if server.port else set(listened)
    words = server.words
    check = words[words.index("port") + 1] if "port" in words[:-1] else ""
    return own | ({int(check)} if check.isdigit() else set())
