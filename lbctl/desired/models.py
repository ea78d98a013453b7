"""The cluster file's own levels, in their long form, as pydantic models.

Few and flat: building them is most of what reading a file costs. The short forms are turned into the long
ones before (`short.py`); what the daemons define stays a tree (`Any` here), and is read by the modules that
render it.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lbctl.desired.fields import (
    Address,
    Check,
    HostName,
    Interface,
    Line,
    Mode,
    Name,
    NodePath,
    Port,
    Priority,
    State,
    SysctlKey,
    SysctlValue,
    Variable,
    VariableValue,
    Version,
)

Words = dict[str, Any] | None


class Level(BaseModel):
    """One level of the file: exact types, no unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class SecretRef(Level):
    """Where a secret is: an environment variable or a file, of the machine that runs lbctl."""

    env: Name | None = Field(default=None, description="Name of an environment variable.")
    file: Line | None = Field(default=None, description="Path of a file, relative to the cluster file.")


class NamedSecret(SecretRef):
    """A secret by its name, to stand in text."""

    as_is: bool = Field(
        default=False,
        description="true: put in as it is, neither escaped nor refused for how the daemon reads it.",
    )


class Login(Level):
    """How to log in. What is not said is what `ssh -G HOST` says."""

    host: HostName | None = Field(
        default=None, description="Where to log in, if elsewhere than the node's name."
    )
    user: Name | None = None
    port: Port | None = None
    become: Literal["sudo"] | None = Field(default=None, description="How to become root: sudo.")
    become_password: SecretRef | None = Field(default=None, description="The password that sudo asks for.")


class Node(Level):
    """One load balancer. The keys after `ssh` are overrides of the ones at the top level."""

    address: Address = Field(description="Its address on the VRRP network.")
    priority: Priority = Field(
        default=None, description="VRRP priority, or a mapping from instances to theirs."
    )
    interface: Name | None = Field(default=None, description="VRRP interface, where the nodes differ.")
    state: State = Field(default=None, description="MASTER or BACKUP, where the nodes differ.")
    vars: dict[Variable, VariableValue] = Field(
        default={}, description="What else differs: NAME is ${node.NAME} in text."
    )
    ssh: Login = Field(default_factory=Login.model_construct)
    packages: Any = None
    sysctl: Any = None
    services: Any = None
    files: Any = None
    keepalived: Any = None
    haproxy: Any = None


class Server(Level):
    """A member of a group: a server of the backends that use it."""

    address: Address
    backup: bool = Field(default=False, description="Used only when all others are down.")
    server: Line = Field(default="", description="More words for its server lines: weight 10")


class Unit(Level):
    """A systemd unit as it shall be."""

    enabled: bool = True
    active: bool = True


class NodeFile(Level):
    """A file on the nodes. One of from, content, secret and absent."""

    source: Line | None = Field(default=None, alias="from", description="Path, relative to the cluster file.")
    content: str | None = None
    secret: SecretRef | None = Field(default=None, description="The whole file is a secret.")
    template: bool = Field(default=False, description="Replace ${node.…}, ${vip.…} and ${secret.…} in it.")
    mode: Mode = Field(default=None, description='Octal, quoted: "0644". Secrets have "0600" unless said.')
    owner: Name = "root"
    group: Name = "root"
    after: list[Line] = Field(
        default=[], description="What a change needs: reload haproxy, restart keepalived …"
    )
    watch: bool = Field(default=True, description="false: a change made on the node is no drift.")
    absent: bool = Field(default=False, description="true: the file is removed.")


class ServiceDefaults(Level):
    """What holds for every service that does not say otherwise."""

    balance: Line | None = None
    check: Check = Field(default=None, description="true, or the words after `check`: inter 10s")
    mode: Literal["http", "tcp"] | None = None
    members: Name | None = Field(
        default=None, description="The group of members; the only one, or controllers."
    )
    bind: list[Line] | None = Field(
        default=[], description="VIPs by name, each with more words for its bind line."
    )
    style: Literal["split", "listen"] | None = Field(
        default="split", description="frontend + backend, or listen."
    )
    frontend: str | None = Field(default="", description="More lines for the frontend.")
    backend: str | None = Field(default="", description="More lines for the backend, or the listen section.")
    server: Line | None = Field(default="", description="More words for each server line.")


class ApiService(ServiceDefaults):
    """One service behind the VIP."""

    port: Port = Field(description="The port on the VIP and on the members.")


class FileAttributes(Level):
    """Of a daemon's main file on the nodes. Without: root's, 0644, and 0600 with a secret in it."""

    mode: Mode = Field(default=None, description='Octal, quoted: "0644".')
    owner: Name = "root"
    group: Name = "root"


class HaproxyPart(FileAttributes):
    """haproxy.cfg: short forms, text, or a whole file."""

    file: Line | None = Field(default=None, description="The whole configuration is this file's.")
    global_: str = Field(default="", alias="global", description="Lines of the global section.")
    defaults: str = Field(default="", description="Lines of the defaults section.")
    service_defaults: ServiceDefaults = Field(default_factory=ServiceDefaults.model_construct)
    services: dict[Name, ApiService] = {}
    config: str = Field(default="", description="Whole sections, kept to the byte.")


class Wanted(Level):
    """The keys that a node can override."""

    packages: dict[Name, Version] = {}
    sysctl: dict[SysctlKey, SysctlValue] = {}
    services: dict[Name, Unit] | None = None
    files: dict[NodePath, NodeFile] = {}
    keepalived: Words = None
    haproxy: HaproxyPart | None = None


class ClusterFile(Wanted):
    """A cluster file, whole."""

    cluster: Name = Field(description="The cluster's name.")
    lab: Literal["only"] | None = Field(default=None, description="only: reached only through a running lab.")
    ssh: Login = Field(default_factory=Login.model_construct)
    handover: Literal["auto", "always", "never"] = "auto"
    additions: list[str] = Field(default=[], description="What lbctl adds to the configurations of its own.")
    nodes: dict[Name, Node] = Field(description="The load balancers.")
    controllers: dict[Name, Server] = Field(default={}, description="The group of members named controllers.")
    members: dict[Name, dict[Name, Server]] = Field(default={}, description="Other groups of members.")
    vips: dict[Name, list[Interface]] = Field(default={}, description="The floating addresses.")
    secrets: dict[Name, NamedSecret] = Field(default={}, description="By name, used as ${secret.NAME}.")
