"""import --services: haproxy.cfg as services of the cluster file, proposed; nothing is taken over."""

from __future__ import annotations

import re
import tempfile
from difflib import unified_diff
from pathlib import Path

from lbctl import haproxy
from lbctl.adopt.clusterfile import Value, text
from lbctl.adopt.services import Proposal, propose
from lbctl.desired import load
from lbctl.document import decode, encode, holds_secret
from lbctl.errors import InputError, RefusedError
from lbctl.model.adoption import Proposed
from lbctl.model.cluster import Cluster

_PART = re.compile(r"""(?m)^haproxy: *\{file: *(["']?)([^"',}]+?)\1 *(,.*)?\}[ \t]*(?:#.*)?(?:\n|\Z)""")


def services(file: Path) -> Proposed:
    """What the file would say, and the bytes that this would change.

    Raises RefusedError where haproxy.cfg is not one file of all nodes, or nothing in it can be a service.
    """
    cluster, written = load(file, secrets=False), file.read_text("utf-8")
    part = _PART.search(written)
    name = part[2] if part else ""
    if part is None or name not in cluster.sources:
        mend = "services are proposed in place of a line like haproxy: {file: haproxy.cfg}"
        raise RefusedError("the cluster file has no haproxy.cfg of all nodes", mend=mend)
    document = haproxy.parse((file.resolve().parent / name).read_bytes())
    if holds_secret(document, template=True):
        mend = "put it into a file, secrets: {NAME: {file: secrets/NAME}}, and ${secret.NAME} in its place"
        raise RefusedError(f"a secret stands in clear in {name}, and would be shown", mend=mend)
    vips = {str(one.interface.ip) for one in cluster.vips}
    found = propose(document, vips.pop() if len(vips) == 1 else "")
    if not found.services:
        said = "\n".join(f"{name}: {why}" for name, why in found.reasons)
        raise RefusedError("nothing in haproxy.cfg can be a service as it is", detail=said)
    new = _text(found, part[3] or "")
    other = _loaded(file, written[: part.start()] + new + written[part.end() :])
    names = tuple(node.name for node in cluster.nodes)
    return Proposed(new, found.services, names, _diff(cluster, other), found.reasons)


def _text(found: Proposal, attributes: str) -> str:
    """In place of the `haproxy:` part: it, and the groups of members."""
    own = re.findall(r'(mode|owner|group): *"?([\w-]+)"?', attributes)
    members: dict[str, Value] = {name: one for name, one in found.groups.items() if name != "controllers"}
    values: dict[str, Value] = {
        "controllers": found.groups["controllers"],
        **({"members": members} if members else {}),
        "haproxy": {**dict(own), **found.part},
    }
    return text(values, {})


def _loaded(file: Path, new: str) -> Cluster:
    """The cluster that the new text says, read beside the old one. Raises RefusedError where it says none."""
    with tempfile.NamedTemporaryFile(prefix=".lbctl-", suffix=".yaml", dir=file.resolve().parent) as beside:
        beside.write(encode(new))
        beside.flush()
        try:
            return load(Path(beside.name), secrets=False)
        except InputError as error:
            said = [str(problem).replace(beside.name, file.name) for problem in error.problems]
            raise RefusedError("haproxy.cfg cannot be said as services", detail="\n".join(said)) from error


def _diff(cluster: Cluster, other: Cluster) -> tuple[str, ...]:
    """Of haproxy.cfg on the first node: the others' differs in the same lines."""
    files = [one.nodes[0].file_of("haproxy") for one in (cluster, other)]
    before, after = (decode(one.content.shown).splitlines() if one else [] for one in files)
    return tuple(unified_diff(before, after, "now", "with services", lineterm=""))
