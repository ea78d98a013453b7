"""Reading all nodes at once: one connection and, as a rule, one remote command each."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from ipaddress import ip_address

from lbctl import haproxy, keepalived
from lbctl.errors import NodeError, RemoteError
from lbctl.haproxy import stats
from lbctl.haproxy.views import stats_socket
from lbctl.host import facts as host
from lbctl.host import layers as host_layers
from lbctl.host import surroundings
from lbctl.keepalived.views import instances
from lbctl.kinds import KINDS
from lbctl.model.cluster import Cluster, Node, RosterEntry
from lbctl.model.command import Answers, Probe
from lbctl.model.facts import Facts
from lbctl.model.owner import Owner
from lbctl.model.resource import Address, Resource, Unknown, resource
from lbctl.transport.at_once import at_once
from lbctl.transport.protocol import Reader

Progress = Callable[[str, float], None]


def gather(
    cluster: Cluster,
    reader: Reader,
    progress: Progress = lambda node, seconds: None,
    *,
    layers: bool = False,
) -> dict[str, Facts | NodeError]:
    """All nodes' facts by name, in the cluster's order; for a node that cannot be read, why.

    `layers`: with what the daemons have loaded, and what was set while they run.
    """
    vips = [str(vip.interface.ip) for vip in cluster.vips]

    def one(node: Node) -> Facts | NodeError:
        began = time.monotonic()
        try:
            return gather_node(node, reader, vips, layers=layers)
        except NodeError as error:
            return error
        finally:
            progress(node.name, time.monotonic() - began)

    return dict(zip((n.name for n in cluster.nodes), at_once(one, cluster.nodes), strict=True))


def gather_node(node: Node, reader: Reader, vips: Sequence[str] = (), *, layers: bool = False) -> Facts:
    """One node's facts. Only where it owns what is no longer desired, a second command is sent.

    `vips`: those of the cluster, for a node without a keepalived file that names its own.
    """
    wanted = [kind.desired(node, "") for kind in KINDS]
    probes = [*host.PROBES, *surroundings.PROBES, *_daemon_probes(node, vips)]
    for kind, wishes in zip(KINDS, wanted, strict=True):
        probes += kind.probes(wishes)
    if layers:
        probes += host_layers.probes(node, _socket(node))
    answers = reader.ask(node.name, probes)
    owner = read_owner(node.name, answers)
    key = _key(node, owner)
    resources: list[Resource | Unknown] = []
    for kind, wishes in zip(KINDS, wanted, strict=True):
        resources += kind.live(wishes, answers, key)
    if owner:
        resources += _dropped(node, owner, {wish.address for wishes in wanted for wish in wishes}, reader)
    facts = _facts(node.name, answers, owner, tuple(resources), key)
    return replace(facts, layers=host_layers.layers(node, answers)) if layers else facts


def _key(node: Node, owner: Owner | None) -> str:
    """What this node's digests are made with; "" = contents are compared by what may be shown of them."""
    if not all(file.content.resolved for file in node.files):
        return ""
    return owner.key if owner else secrets.token_hex(32)


def _dropped(node: Node, owner: Owner, desired: set[Address], reader: Reader) -> list[Resource | Unknown]:
    """What the node owns and nobody desires any more."""
    dropped = [r for r in owner.resources if r.address not in desired]
    if not dropped:
        return []
    parts = [(kind, [r for r in dropped if r.address.kind == kind.name]) for kind in KINDS]
    answers = reader.ask(node.name, [p for kind, wishes in parts for p in kind.probes(wishes)])
    return [found for kind, wishes in parts for found in kind.live(wishes, answers, owner.key)]


def _daemon_probes(node: Node, known: Sequence[str]) -> Iterator[Probe]:
    """What is asked of the daemons themselves, and where, stands in the files that they shall have."""
    vrrp = node.file_of("keepalived")
    if socket := _socket(node):
        yield host.stats_probe(socket)
    found = instances(keepalived.parse(vrrp.content.data)) if vrrp else ()
    vips = [address for one in found for vip in one.vips if (address := _address(vip.address))] or known
    if vips:
        yield host.connections_probe(vips)


def _socket(node: Node) -> str | None:
    file = node.file_of("haproxy")
    return stats_socket(haproxy.parse(file.content.data)) if file else None


def _address(word: str) -> str:
    """The address, or "" for a word that is none."""
    try:
        return str(ip_address(word))
    except ValueError:
        return ""


def _facts(
    node: str,
    answers: Answers,
    owner: Owner | None,
    resources: tuple[Resource | Unknown, ...],
    key: str,
) -> Facts:
    os = host.lines(answers, "os")
    stat = answers.get("stat")
    connections, own_clients = host.connections(answers)
    return Facts(
        node=node,
        os=os[0] if os else "",
        boot_id=os[1] if len(os) > 1 else "",
        tools=frozenset(host.lines(answers, "tools")),
        held=host.held(answers),
        daemons=host.daemons(answers),
        listeners=host.listeners(answers),
        servers=stats.servers(stat.text) if stat is not None and stat.status == 0 else None,
        owner=owner,
        lock=host.lock_holder(answers),
        armed="".join(host.lines(answers, "armed")),
        drain=host.number(answers.get("drain")),
        connections=connections,
        samples=frozenset(host.lines(answers, "samples")),
        resources=resources,
        key=key,
        drain_record=host.drain_record(answers),
        undone=host.undone(answers),
        networks=host.networks(answers),
        own_clients=own_clients,
        loads=surroundings.loads(answers),
        claimed=surroundings.claimed(answers),
    )


def read_owner(node: str, answers: Answers) -> Owner | None:
    """The owner record. Raises RemoteError when there is one that cannot be read: it is never guessed at."""
    text = answers["owner"].text.strip() if "owner" in answers else ""
    if text == "none":
        return None
    try:
        record = json.loads(text)
        return Owner(
            cluster=record["cluster"],
            cluster_id=record["cluster_id"],
            serial=record["serial"],
            plan=record["plan"],
            key=record["key"],
            resources=tuple(
                resource(Address(node, r["kind"], r["name"]), r["attributes"]) for r in record["resources"]
            ),
            originals=tuple(record["originals"]),
            address=record.get("address", ""),
            roster=tuple(RosterEntry(**entry) for entry in record["nodes"]) if "nodes" in record else None,
            retired=record.get("retired", False),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteError(
            node,
            "its owner record cannot be read",
            detail=f"/var/lib/lbctl/owner.json: {type(error).__name__}: {error}",
            mend="restore it from a backup; or remove it, and the node counts as a foreign one",
        ) from error


def write_owner(owner: Owner, resources: Sequence[Resource]) -> bytes:
    """The owner record's bytes. Content is not in it, only keyed digests."""
    record: dict[str, object] = {
        "format_version": 1,
        "cluster": owner.cluster,
        "cluster_id": owner.cluster_id,
        "serial": owner.serial,
        "plan": owner.plan,
        "retired": owner.retired,
        "address": owner.address,
        "key": owner.key,
        "originals": list(owner.originals),
        "resources": [
            {"kind": r.address.kind, "name": r.address.name, "attributes": dict(r.values)} for r in resources
        ],
    }
    if owner.roster is not None:
        record["nodes"] = [asdict(entry) for entry in owner.roster]
    return json.dumps(record, indent=1).encode() + b"\n"
