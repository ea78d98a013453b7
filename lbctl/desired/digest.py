"""The digest of everything desired, with secrets as references: equal digests mean the same desired state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from lbctl.model.cluster import Cluster, ManagedFile, Node


def digest(cluster: Cluster, references: Iterable[str]) -> str:
    """SHA-256, in hex, over the cluster without the names of this machine's files.

    Files count with what may be shown of them, secrets with where they are (`references`): the digest tells
    nothing about a secret, and is the same on a machine that has none of them.
    """
    whole = [
        cluster.name,
        cluster.lab_only,
        cluster.handover,
        list(cluster.additions),
        [[vip.name, str(vip.interface)] for vip in cluster.vips],
        [[g.name, [[m.name, m.address, m.backup, m.options] for m in g.members]] for g in cluster.groups],
        [_node(node) for node in cluster.nodes],
        list(references),
    ]
    text = json.dumps(whole, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _node(node: Node) -> list[object]:
    ssh = node.ssh
    return [
        node.name,
        node.address,
        [ssh.host, ssh.user, ssh.port, ssh.become],
        [[one.name, one.version, one.absent] for one in node.packages],
        [_file(one) for one in node.files],
        [[one.key, one.value] for one in node.sysctls],
        [[one.name, one.enabled, one.active] for one in node.services],
    ]


def _file(file: ManagedFile) -> list[object]:
    shown = hashlib.sha256(file.content.shown).hexdigest()
    effects = [str(effect) for effect in file.effects]
    return [
        file.path,
        shown,
        file.mode,
        file.owner,
        file.group,
        file.daemon,
        effects,
        file.watch,
        file.absent,
    ]
