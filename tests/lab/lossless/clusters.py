"""The clusters that it is proved on: three nodes, three controllers and a client each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lbctl.lab import LabClient, LabRouter, LabSpec
from lbctl.lab.spec import join

PORTS = (5000, 8774, 9292)
NODES = ("lb1", "lb2", "lb3")
CONTROLLERS = ("c1", "c2", "c3")
_INSTANCES = {
    "lb1": ("internal", 51),
    "lb2": ("public", 52),
}  # by master: the instance and its virtual router
_PRIORITIES = (102, 101, 100)  # of the master, and of those that come after it

_TEXT = """\
cluster: {name}
lab: only
ssh: {{user: root}}
additions: [stats-socket, drain, server-state, idle-close]
nodes:
{nodes}
controllers: {{{controllers}}}
packages: [haproxy, keepalived, psmisc]
sysctl: {{{sysctl}: 1}}
vips: {{{vips}}}
keepalived:
  vrrp_script:
    haproxy-check: {{script: killall -0 haproxy, interval: 1, fall: 2, rise: 2, weight: 10}}
  vrrp_instance:
{instances}
haproxy:
  global: |
    daemon
  defaults: |
    mode http
    maxconn 10000
    timeout connect 10s
    timeout client 10s
    timeout server 10s
  service_defaults: {{balance: roundrobin, check: inter 10s, bind: [{binds}]}}
  services:
    keystone: 5000
    nova: 8774
    glance: 9292
files:
  /opt/note: {{content: "hello\\n"}}
"""
_INSTANCE = """\
    {name}:
      state: BACKUP
      interface: eth0
      virtual_router_id: {router}
      advert_int: 1
      virtual_ipaddress: ["{vip}"]
      track_script: [haproxy-check]"""


@dataclass(frozen=True)
class Ruleset:
    """What a node's firewall gets, as shell: `up` before anything is served, `down` when it is done with."""

    up: str
    down: str


@dataclass(frozen=True)
class Net:
    """A cluster and its network. `masters`: of each VIP the node with the highest priority. `packages` are on
    the nodes beside the usual ones."""

    name: str
    address: str = "10.15.85.{}"
    masters: tuple[str, ...] = ("lb1",)
    unicast: bool = False
    router: bool = False
    rules: Ruleset | None = None
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def lab(self) -> tuple[str, bool, tuple[str, ...], tuple[str, ...]]:
        """Two with the same one need other files only, and no lab that has other machines, or VIPs."""
        return self.address, self.router, self.packages, self.vips

    @property
    def vips(self) -> tuple[str, ...]:
        return tuple(self.address.format(31 + number) for number in range(len(self.masters)))

    @property
    def spare(self) -> str:
        """An address for one VIP more."""
        return self.address.format(39)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(join(vip, port) for vip in self.vips for port in PORTS)

    def spec(self, usual: LabSpec) -> LabSpec:
        """The lab that a cluster file's is turned into."""
        usual = replace(usual, extra_packages=self.packages)
        if not self.router:
            return usual
        router = LabRouter((f"{self.address.format(250)}/24",), ("10.15.86.1/24",))
        return replace(usual, client=LabClient(("10.15.86.2/24",), router=router))

    def text(self, name: str) -> str:
        """The cluster file."""
        instances = [_INSTANCES[master] for master in self.masters]
        blocks = [
            _INSTANCE.format(name=instance, router=router, vip=vip)
            for (instance, router), vip in zip(instances, self.vips, strict=True)
        ]
        peers = "\n      unicast_peer: ${node.peers}" if self.unicast else ""
        family = "ipv6" if ":" in self.address else "ipv4"
        return _TEXT.format(
            name=name,
            nodes="\n".join(self._node(number, node) for number, node in enumerate(NODES)),
            controllers=", ".join(
                f'{one}: "{self.address.format(141 + number)}"' for number, one in enumerate(CONTROLLERS)
            ),
            sysctl=f"net.{family}.ip_nonlocal_bind",
            vips=", ".join(f'{one}: "{vip}"' for (one, _), vip in zip(instances, self.vips, strict=True)),
            instances="\n".join(block + peers for block in blocks),
            binds=", ".join(one for one, _ in instances),
        )

    def _node(self, number: int, node: str) -> str:
        ranks = ((number - NODES.index(master)) % len(NODES) for master in self.masters)
        each = zip((_INSTANCES[master][0] for master in self.masters), ranks, strict=True)
        priorities = ", ".join(f"{instance}: {_PRIORITIES[rank]}" for instance, rank in each)
        return f'  {node}: {{address: "{self.address.format(33 + number)}", priority: {{{priorities}}}}}'


# what is invalid to conntrack is dropped at once, and so is what it has not seen the beginning of: such are
# HAProxy's own connections to controllers from before, which a reload ends
CT_INVALID = Ruleset(
    up="""nft -f - <<'.'
table inet strict {
  chain pre { type filter hook prerouting priority -150; ct state invalid drop; }
  chain in { type filter hook input priority 0; ct state invalid drop; }
}
.
echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose
! systemctl -q is-active haproxy || systemctl reload haproxy""",
    down="nft delete table inet strict; echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose",
)
# its zone is `public`, and lets ssh in alone
FIREWALLD = Ruleset(
    up="timeout 30 sh -c 'until firewall-cmd -q --state; do sleep 0.3; done' || systemctl status firewalld\n"
    "firewall-cmd -q --add-protocol=vrrp && firewall-cmd -q "
    + " ".join(f"--add-port={port}/tcp" for port in PORTS),
    down="systemctl stop firewalld",
)

IPV4 = Net("ipv4")
UNICAST = Net("unicast", unicast=True)
INVALID = Net("ct-invalid", rules=CT_INVALID)
TWO_VIPS = Net("two-vips", masters=("lb1", "lb2"))
IPV6 = Net("ipv6", address="fd00:15::{}")
ROUTED = Net("router", router=True)
# netbase: firewalld reads the names of protocols
GUARDED = Net("firewalld", rules=FIREWALLD, packages=("firewalld", "netbase"))
NETS = (IPV4, UNICAST, INVALID, TWO_VIPS, IPV6, ROUTED, GUARDED)
"""In an order in which each lab is booted once."""
