"""The desired cluster, as frozen nouns: what a cluster file says once it is read, checked and rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address

from lbctl.errors import Place, Problem
from lbctl.model.content import Content, scrubbed
from lbctl.model.effect import Effect

Interface = IPv4Interface | IPv6Interface

HAPROXY_CFG = "/etc/haproxy/haproxy.cfg"
KEEPALIVED_CONF = "/etc/keepalived/keepalived.conf"
"""The daemons' main files, where Debian's and Red Hat's units read them."""
MAIN_FILES: Mapping[str, str] = {"haproxy": HAPROXY_CFG, "keepalived": KEEPALIVED_CONF}


@dataclass(frozen=True)
class Ssh:
    """How to log in on a node. Empty fields mean: what `ssh -G HOST` says.

    `host` is what is given to ssh (the node's name unless the file says otherwise). `become` is "" or "sudo".
    """

    host: str
    user: str = ""
    port: int = 0
    become: str = ""
    become_password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Package:
    """`version` is a pattern as apt understands it ("2.6.*"), "" = any. `absent` = to be removed."""

    name: str
    version: str = ""
    absent: bool = False


@dataclass(frozen=True)
class Sysctl:
    key: str
    value: str


@dataclass(frozen=True)
class Service:
    """A systemd unit without its `.service`."""

    name: str
    enabled: bool = True
    active: bool = True


@dataclass(frozen=True)
class ManagedFile:
    """A file as it shall be on one node.

    `daemon` names whose main configuration it is ("haproxy", "keepalived") or is "". `effects` is what a
    change of it needs. `absent` = to be removed. `watch=False` = its content is never drift. `places`: of a
    daemon's file, where in the user's files each line comes from.
    """

    path: str
    content: Content
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    daemon: str = ""
    effects: tuple[Effect, ...] = ()
    watch: bool = True
    absent: bool = False
    places: tuple[Place, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Vip:
    """A floating address; a bare one is a /32 or /128. `name`: its key under `vips`, or the address."""

    name: str
    interface: Interface


@dataclass(frozen=True)
class Member:
    """A server of a backend. `options`: more words for each of its server lines."""

    name: str
    address: str
    backup: bool = False
    options: str = ""


@dataclass(frozen=True)
class MemberGroup:
    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Node:
    """A load balancer, with everything that shall be on it."""

    name: str
    address: str
    ssh: Ssh
    packages: tuple[Package, ...] = ()
    files: tuple[ManagedFile, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()
    services: tuple[Service, ...] = ()

    def file_of(self, daemon: str) -> ManagedFile | None:
        """The main configuration file of a daemon, if lbctl has it."""
        return next((f for f in self.files if f.daemon == daemon), None)


@dataclass(frozen=True)
class RosterEntry:
    """A node as every owner record names it. It is who its `address` says; the rest is how to log in.

    `behind` is the plan that it was left out of (--exclude) and has not caught up with, "" = none.
    """

    name: str
    address: str
    host: str
    user: str = ""
    port: int = 0
    become: str = ""
    behind: str = ""


def roster_entry(node: Node) -> RosterEntry:
    ssh = node.ssh
    return RosterEntry(node.name, str(ip_address(node.address)), ssh.host, ssh.user, ssh.port, ssh.become)


@dataclass(frozen=True)
class Cluster:
    """One cluster file, whole.

    `digest` is the SHA-256 of everything desired with secrets as references: two equal digests mean the
    same desired state. `lab_only` = its nodes are reached only through a running lab. `problems`: what was
    found while reading that does not keep the file from being used, of level unsafe or warning.
    `sources` are the files that it names beside itself, as they were read.
    `left_out` are nodes of the file that are left out this time: nobody connects to them. `retired` are
    nodes that the owner records name and the file does not: they are to go.
    """

    name: str
    file: str
    digest: str
    nodes: tuple[Node, ...]
    vips: tuple[Vip, ...]
    groups: tuple[MemberGroup, ...] = ()
    additions: tuple[str, ...] = ()
    lab_only: bool = False
    handover: str = "auto"
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    left_out: tuple[Node, ...] = ()
    retired: tuple[Node, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    @property
    def excluded(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.left_out)

    @property
    def roster(self) -> tuple[RosterEntry, ...]:
        """Every node of the file, by name."""
        return tuple(sorted(map(roster_entry, (*self.nodes, *self.left_out)), key=lambda e: e.name))

    def retires(self, name: str) -> bool:
        return any(node.name == name for node in self.retired)

    def scrubbed(self, text: str) -> str:
        """The text without any word that a file of the cluster hides: a secret may stand in the open too."""
        return scrubbed(text, (file.content for node in self.nodes for file in node.files))

    def without(self, names: Iterable[str]) -> Cluster:
        """The same cluster with these nodes left out. What the others shall have stays as it is."""
        gone = frozenset(names)
        left = tuple(node for node in self.nodes if node.name not in gone)
        out = tuple(node for node in self.nodes if node.name in gone)
        return replace(self, nodes=left, left_out=(*self.left_out, *out))

    def node(self, name: str) -> Node:
        return next(n for n in (*self.nodes, *self.retired) if n.name == name)
