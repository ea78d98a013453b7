"""Clusters that somebody else has set up: the nodes' files as they are, and the lab that they live in.

Those of the corpus (LBCTL_CORPUS) are other people's; what a lab has not is changed in them: addresses of
servers, checks of daemons that are not there, an account, a newline that HAProxy 2.6 wants.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lbctl.lab import LabClient, LabController, LabNetwork, LabNode, LabSpec
from lbctl.lab.spec import join

WRITTEN = Path(__file__).parents[2] / "cases" / "live"
GUIDE = Path(__file__).parents[2] / "cases" / "cluster" / "guide"
CORPUS = os.environ.get("LBCTL_CORPUS", "")
SUDO_PASSWORD = "pass w0rd#'\"!"
SUDO_VARIABLE = "ADOPT_SUDO_PASSWORD"
MAIN = ("/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf")


@dataclass(frozen=True)
class Ground:
    """`network` has {} for the last part of an address; `hosts` are the nodes' own. `server` is the beginning
    of a server line that gets one more beside it, on the last of `controllers`. `edits` are (text, text) in
    all files. `certificate`: where one is made. `setup` is a script for each node. `own`: additions that find
    nothing to add, on a node (NODE/NAME) or on all. With `sudo` one logs in as ops, and sudo asks."""

    name: str
    vip: str
    server: str
    network: str = "10.86.0.{}/24"
    hosts: tuple[int, ...] = (11, 12)
    controllers: tuple[int, ...] = (21, 22, 23)
    interface: str = "eth0"
    ports: tuple[int, ...] = (5000, 9292)
    targets: tuple[int, ...] = ()
    more: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    setup: str = ":"
    own: tuple[str, ...] = ()
    sudo: bool = False

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(f"lb{number}" for number, _ in enumerate(self.hosts, 1))

    def wanting(self, addition: str) -> set[str]:
        """The nodes that an addition adds something to."""
        return {node for node in self.nodes if not {addition, f"{node}/{addition}"} & set(self.own)}

    @property
    def load(self) -> list[str]:
        """Where clients ask."""
        return [join(self.vip, port) for port in self.targets or self.ports]

    def spec(self) -> LabSpec:
        def at(number: int) -> tuple[str, ...]:
            return tuple(one.format(number) for one in (self.network, self.more) if one)

        usual = LabNode("", ("",), interface=self.interface)
        if self.sudo:
            usual = replace(usual, user="ops", become="sudo-password", password=SUDO_PASSWORD)
        return LabSpec(
            "adopt",
            tuple(
                replace(usual, name=name, addresses=at(host))
                for name, host in zip(self.nodes, self.hosts, strict=True)
            ),
            cluster=self.name,
            controllers=tuple(
                LabController(f"c{number}", at(host), self.ports)
                for number, host in enumerate(self.controllers, 1)
            ),
            client=LabClient(at(201)),
            networks=(LabNetwork("vrrp", at(254)),),
            vips=(self.vip,),
            ports=self.targets,
        )

    def files(self, node: str) -> Iterator[tuple[str, bytes, int]]:
        """Path, bytes and mode of everything that is put on a node."""
        for path, source in self._sources(node):
            data = source.read_bytes()
            for old, new in self.edits:
                data = data.replace(old.encode(), new.encode())
            if path.endswith("haproxy.cfg") and not data.endswith(b"\n"):
                data += b"\n"
            yield path, data, source.stat().st_mode & 0o755 | 0o200

    def _sources(self, node: str) -> Iterator[tuple[str, Path]]:
        roots = [WRITTEN / self.name / part for part in ("all", node)]
        if self.name == "guide":
            yield from zip(MAIN, (GUIDE / "haproxy.cfg", GUIDE / "keepalived.conf"), strict=True)
        elif self.name.startswith("C"):
            folder = Path(CORPUS, "clusters", self.name, node)
            yield from zip(MAIN, (folder / "haproxy.cfg", folder / "keepalived.conf"), strict=True)
        for root in roots:
            for source in sorted(root.rglob("*")):
                if source.is_file():
                    yield f"/{source.relative_to(root)}", source


_SOCKET = ("stats-socket",)
_NBPROC = ("    nbproc 4\n", "")  # gone since 2.5

OWN = (
    Ground(
        "kolla",
        "10.86.0.5",
        "server c2 10.86.0.22:5000",
        hosts=(11, 12, 13),
        controllers=(21, 22, 23),
        setup="mkdir -p /var/lib/haproxy/kolla; mkdir -p /etc/kolla",
        own=_SOCKET,
    ),
    Ground("openstack-ansible", "10.86.0.5", "server infra2_keystone_container 10.86.0.22:5000", own=_SOCKET),
    Ground(
        "tripleo",
        "10.86.0.5",
        "server overcloud-controller-1.internalapi.localdomain 10.86.0.22:5000",
        hosts=(11, 12, 13),
    ),
    Ground(
        "guide",
        "10.15.85.31",
        "server mesa-virt-03 10.15.85.143:5000",
        network="10.15.85.{}/24",
        hosts=(32, 33, 34),
        controllers=(141, 142, 143, 144),
        ports=(35357, 5000, 9696, 9191, 9292, 8773, 8774, 8775, 8776),
        # the guide has each node's own number in its text
        setup="n=$(uname -n); cd /etc/keepalived;"
        'sed -i "s/priority 102/priority $((103 - ${n#lb}))/" keepalived.conf;'
        "echo net.ipv4.ip_nonlocal_bind=1 >/etc/sysctl.d/99-haproxy.conf",
    ),
    Ground(
        "conf-d",
        "10.86.0.5",
        "server c2 10.86.0.22:5000",
        certificate="/etc/haproxy/certs/api.pem",
        own=_SOCKET,
        sudo=True,
    ),
    Ground("unicast", "10.86.0.5", "server c2 10.86.0.22:5000", hosts=(11, 12, 13)),
    Ground("dual-stack", "10.86.0.5", "server c2 10.86.0.22:5000", more="fd00:86::{}/64", own=_SOCKET),
)

FOUND = (
    Ground(
        "C04",
        "192.168.1.100",
        "server web_node_1 ",
        network="192.168.1.{}/24",
        ports=(80,),
        certificate="/etc/haproxy/certs/site.pem",
        own=("lb2/stats-socket",),
        edits=(
            ("api1:80", "192.168.1.21:80"),
            ("api2:80", "192.168.1.22:80"),
            ("static1:80", "192.168.1.21:80"),
            ("static2:80", "192.168.1.22:80"),
            ("web1:80", "192.168.1.21:80"),
            ("10.0.0.11:8080", "192.168.1.21:80"),
            ("10.0.0.12:8080", "192.168.1.22:80"),
            ("10.0.0.21:80", "192.168.1.21:80"),
            ("10.0.0.22:80", "192.168.1.22:80"),
            ("10.0.0.31:80", "192.168.1.21:80"),
            ("10.0.0.32:80", "192.168.1.22:80"),
            ("    redirect scheme https code 301 if !{ ssl_fc }\n", "    default_backend backend_default\n"),
        ),
    ),
    Ground(
        "C07",
        "172.20.128.4",
        "server ngxin_master 172",
        network="172.20.128.{}/24",
        hosts=(2, 3),
        ports=(6301, 6302),
        edits=(_NBPROC, ("172.20.128.4:80", "172.20.128.21:6301"), ("172.20.128.5:80", "172.20.128.22:6302")),
    ),
    Ground(
        "C08",
        "172.20.128.4",
        "server ngxin_master 172",
        network="172.20.128.{}/24",
        hosts=(2, 3),
        ports=(6301,),
        edits=(_NBPROC, ("172.20.128.4:80", "172.20.128.21:6301"), ("pidof nginx", "killall -0 haproxy")),
    ),
    Ground(
        "C27",
        "192.168.171.150",
        "server pg-2 ",
        network="192.168.171.{}/24",
        hosts=(153, 154),
        interface="ens33",
        ports=(5433, 5434, 5435),
        targets=(15432,),
        own=_SOCKET,
        edits=(
            ("192.168.171.153:5433", "192.168.171.21:5433"),
            ("192.168.171.153:5434", "192.168.171.22:5434"),
            ("192.168.171.153:5435", "192.168.171.22:5435"),
        ),
    ),
    Ground(
        "C46",
        "192.168.10.10",
        "server c03 192",
        network="192.168.10.{}/24",
        controllers=(101, 102, 103, 104),
        interface="eth1",
        ports=(6443,),
        edits=(("script_user vagrant", "script_user root"),),
        own=("idle-close",),  # it speaks TCP alone
    ),
)
