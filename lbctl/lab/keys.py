"""The lab's SSH: the operator's key, a host key per node, and what OpenSSH and fabric are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lbctl.lab.registry import Paths
from lbctl.lab.spec import LabNode, LabSpec, bare
from lbctl.local.process import run


def make_key(path: Path) -> str:
    """Make an ed25519 key pair; its public half as one line."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lbctl-lab", "-f", str(path)])
    return path.with_name(f"{path.name}.pub").read_text().strip()


def known_hosts(spec: LabSpec, public: Mapping[str, str]) -> str:
    """A known_hosts file from the hosts' public keys by name."""
    lines = [_known(node.login, node.ssh_port, public[node.name]) for node in spec.nodes]
    if spec.bastion:
        lines.append(_known(bare(spec.bastion.outside), 22, public["bastion"]))
    return "\n".join(lines) + "\n"


def ssh_config(spec: LabSpec, paths: Paths) -> str:
    """An ssh_config with one stanza a node; a bastion's too, which the nodes then jump through."""
    stanzas = [_common(paths)]
    if spec.bastion:
        stanzas.append(
            _stanza("bastion", bare(spec.bastion.outside), 22, "root", [_proxy(spec.bastion.outside, paths)])
        )
    stanzas += [_node_stanza(node, spec, paths) for node in spec.nodes]
    return "\n\n".join(stanzas) + "\n"


def _node_stanza(node: LabNode, spec: LabSpec, paths: Paths) -> str:
    way = "ProxyJump bastion" if spec.bastion else _proxy(node.login, paths)
    return _stanza(" ".join((node.name, *node.aliases)), node.login, node.ssh_port, node.user, [way])


def _stanza(alias: str, address: str, port: int, user: str, more: list[str]) -> str:
    return "\n    ".join([f"Host {alias}", f"HostName {address}", f"Port {port}", f"User {user}", *more])


def _proxy(address: str, paths: Paths) -> str:
    target = "TCP6:[%h]:%p" if ":" in address else "TCP4:%h:%p"
    return f"ProxyCommand nsenter --net=/run/netns/{paths.namespace('net')} -- socat - {target},nodelay"


def _common(paths: Paths) -> str:
    options = {
        "IdentityFile": paths.key,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": paths.known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
    }
    return "\n".join(f"{key} {value}" for key, value in options.items())


def _known(address: str, port: int, key: str) -> str:
    host = address if port == 22 else f"[{address}]:{port}"
    return f"{host} {key}"
