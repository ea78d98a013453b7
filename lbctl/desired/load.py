"""Reading a cluster file whole: every problem at once, or the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

from lbctl.desired import node as nodes
from lbctl.desired.checked import checked
from lbctl.desired.digest import digest
from lbctl.desired.files import reference
from lbctl.desired.models import ClusterFile, Server, Wanted
from lbctl.desired.proxy import Around
from lbctl.desired.read import read
from lbctl.desired.secrets import Ref, Secrets
from lbctl.desired.short import OVERRIDES, overridden, written_out
from lbctl.desired.tree import Findings, Map, only, place_of
from lbctl.document import Document
from lbctl.document.nearest import did_you_mean
from lbctl.errors import InputError, Problem
from lbctl.haproxy.additions import NAMES as HAPROXY_ADDITIONS
from lbctl.keepalived.additions import NAMES as KEEPALIVED_ADDITIONS
from lbctl.keepalived.views import Instance, instances
from lbctl.model.cluster import Cluster, Interface, ManagedFile, Member, MemberGroup, Node, Vip

ADDITIONS = (*HAPROXY_ADDITIONS, *KEEPALIVED_ADDITIONS)
CONTROLLERS = "controllers"

Rendered = tuple[ManagedFile, Document] | None


def load(path: Path, *, secrets: bool = True, login: bool = False, secrets_of: Path | None = None) -> Cluster:
    """The cluster of a cluster file. `secrets_of` is the file beside which its secrets are, if another one.

    Without `secrets` none is resolved, but with `login` the password that sudo asks for; files show the mask
    in their place. Nothing but the file and those that it names beside itself is read, nothing is run. Raises
    InputError with every problem that was found.
    """
    findings = Findings(str(path))
    tree = read(path, findings)
    where = (secrets_of or path).parent
    cluster = _cluster(path, tree, findings, secrets, login, where) if tree is not None else None
    if findings.errors or cluster is None:
        raise InputError(findings.all)
    return cluster


def _cluster(
    path: Path, tree: Map, findings: Findings, resolve: bool, login: bool, secrets_in: Path
) -> Cluster | None:
    whole = written_out(tree)
    file, good = checked(whole, ClusterFile, findings)
    if file is None:
        return None
    secrets = Secrets(_references(file, good, findings), secrets_in, findings, resolve, login)
    shared = nodes.Shared(
        path.parent,
        secrets,
        findings,
        _additions(file, good, findings),
        {name: part.address for name, part in file.nodes.items()},
        file.vips,
    )
    drafts = _drafts(file, tree, good, findings)
    groups = _groups(file)
    vrrp = [nodes.keepalived(draft, shared) for draft in drafts]
    _check_instances(drafts, vrrp, whole, findings)
    vips = _vips(file, vrrp)
    _check_carried(file, vrrp, whole, findings)
    around = _around(file, whole, good, vips, groups)
    proxies = [nodes.haproxy(draft, shared, around) for draft in drafts]
    made = tuple(
        _node(draft, one, two, file, shared, good)
        for draft, one, two in zip(drafts, proxies, vrrp, strict=True)
    )
    _check_addresses(file, vips, whole, findings)
    found = Cluster(
        file.cluster,
        str(path),
        "",
        made,
        vips,
        tuple(groups.values()),
        shared.additions,
        file.lab == "only",
        file.handover,
        findings.all,
        sources=findings.sources,
    )
    return _with_digest(found, drafts)


def _with_digest(cluster: Cluster, drafts: Sequence[nodes.Draft]) -> Cluster:
    references = [f"{draft.name} {ref}" for draft in drafts for ref in sorted(map(str, draft.used))]
    return replace(cluster, digest=digest(cluster, references))


def _references(file: ClusterFile, good: Map, findings: Findings) -> dict[str, Ref]:
    found = {}
    for name, model in file.secrets.items():
        if ref := reference(model, place_of(good, ("secrets", name), key=True), findings):
            found[name] = replace(ref, as_is=model.as_is)
    return found


def _additions(file: ClusterFile, good: Map, findings: Findings) -> tuple[str, ...]:
    for number, name in enumerate(file.additions):
        if name not in ADDITIONS:
            place = place_of(good, ("additions", number))
            findings.error(f"additions: there is no {name!r}", place, did_you_mean(name, ADDITIONS))
    return tuple(file.additions)


def _drafts(file: ClusterFile, tree: Map, good: Map, findings: Findings) -> list[nodes.Draft]:
    """The nodes with their overrides. Nodes without any share the top level's parts."""
    if file.ssh.host is not None:
        place = place_of(good, ("ssh", "host"), key=True)
        findings.error("ssh.host belongs to a node", place, "nodes: {NAME: {ssh: HOST}}")
    common = only(good, lambda key: key in OVERRIDES)
    found = []
    for name, part in file.nodes.items():
        place = place_of(good, ("nodes", name), key=True)
        raw = tree.get("nodes")
        own = raw.get(name) if isinstance(raw, Map) else None
        over = only(own, lambda key: key in OVERRIDES) if isinstance(own, Map) else Map({}, place)
        wanted: Wanted = file
        parts = common
        if over.entries:
            model, parts = checked(overridden(common, over), Wanted, findings, f"nodes.{name}.")
            wanted = model or file
        broken = isinstance(own, Map) and "priority" in own.entries and part.priority is None
        found.append(nodes.Draft(name, part, wanted, parts, place, broken))
    if not found and not findings.errors:
        findings.error("there are no nodes", place_of(good, ("nodes",)), "nodes: {lb1: {address: …}}")
    return found


def _groups(file: ClusterFile) -> dict[str, MemberGroup]:
    given: dict[str, Mapping[str, Server]] = {CONTROLLERS: file.controllers} if file.controllers else {}
    given |= file.members
    return {
        group: MemberGroup(
            group, tuple(Member(name, m.address, m.backup, m.server) for name, m in members.items())
        )
        for group, members in given.items()
    }


def _vips(file: ClusterFile, vrrp: Sequence[Rendered]) -> tuple[Vip, ...]:
    """Those under `vips`, then the addresses of the instances that are none of these, by their address."""
    found = [Vip(name, ip_interface(one)) for name, addresses in file.vips.items() for one in addresses]
    known = {vip.interface.ip for vip in found}
    for name, interface in _carried(vrrp):
        if interface.ip not in known:
            known.add(interface.ip)
            found.append(Vip(name, interface))
    return tuple(found)


def _carried(vrrp: Sequence[Rendered]) -> Iterator[tuple[str, Interface]]:
    """Every virtual address of every node's instances, with how it is written there."""
    for rendered in vrrp:
        for instance in instances(rendered[1]) if rendered else ():
            for vip in instance.vips:
                # what is no address was said where it stands, or is the daemon's own definition
                with suppress(ValueError):
                    yield vip.address, ip_interface(str(vip))


def _check_carried(file: ClusterFile, vrrp: Sequence[Rendered], whole: Map, findings: Findings) -> None:
    """A VIP that no instance has is on no node, whatever binds to it."""
    carried = {interface.ip for _, interface in _carried(vrrp)}
    for name, addresses in file.vips.items():
        for number, address in enumerate(addresses):
            if ip_interface(address).ip not in carried:
                text = f"vips.{name}: no vrrp_instance has {address}"
                mend = f"virtual_ipaddress: [{name}] in an instance"
                findings.warn(text, place_of(whole, ("vips", name, number)), mend, "vip-unused")


def _around(
    file: ClusterFile, whole: Map, good: Map, vips: Sequence[Vip], groups: Mapping[str, MemberGroup]
) -> Around:
    names = file.vips or {vip.name: [str(vip.interface.ip)] for vip in vips}
    broken = any(_differs(whole, good, key) for key in ("vips", "keepalived"))
    members = whole.get("members")
    given = set(members.entries) if isinstance(members, Map) else set()
    given |= {CONTROLLERS} if _differs(whole, good, CONTROLLERS) else set()
    return Around(names, groups, broken, frozenset(given - set(groups)))


def _differs(whole: Map, good: Map, key: str) -> bool:
    """Something under `key` was wrong and cut out."""
    return whole.get(key) != good.get(key)


def _node(
    draft: nodes.Draft, proxy: Rendered, vrrp: Rendered, file: ClusterFile, shared: nodes.Shared, good: Map
) -> Node:
    daemons = tuple(rendered[0] for rendered in (proxy, vrrp) if rendered)
    return Node(
        draft.name,
        draft.part.address,
        nodes.ssh(draft, file.ssh, shared, good),
        nodes.packages(draft),
        daemons + nodes.others(draft, shared),
        nodes.sysctls(draft),
        nodes.services(draft),
    )


def _check_instances(
    drafts: Sequence[nodes.Draft], vrrp: Sequence[Rendered], whole: Map, findings: Findings
) -> None:
    """Priorities for instances that do not exist, and ties: a failed master keeps the VIP from its equal."""
    taken: dict[tuple[str, int], str] = {}
    for draft, rendered in zip(drafts, vrrp, strict=True):
        known = instances(rendered[1]) if rendered else ()
        names = [instance.name for instance in known]
        for key in ("priority", "state"):
            value = getattr(draft.part, key)
            for name in value if isinstance(value, Mapping) else ():
                if name not in names:
                    place = place_of(whole, ("nodes", draft.name, key, name), key=True)
                    text = f"nodes.{draft.name}.{key}: there is no vrrp_instance {name}"
                    findings.error(text, place, did_you_mean(name, names))
        for instance in known:
            if rendered and not _says_priority(draft, rendered[1], instance):
                continue
            first = taken.setdefault((instance.name, instance.priority), draft.name)
            if first != draft.name:
                place = place_of(whole, ("nodes", draft.name, "priority"), key=True)
                text = f"{draft.name} has the priority {instance.priority} of {first} for {instance.name}"
                mend = "give each node its own"
                findings.add(Problem(text, place, mend, "unsafe", "tie"))


def _says_priority(draft: nodes.Draft, document: Document, instance: Instance) -> bool:
    """It has a priority of its own; where the mapping has none, that was said already."""
    part = draft.tree.get("keepalived")
    mapped = isinstance(part, Map) and "vrrp_instance" in part.entries
    blocks = document.find("vrrp_instance", instance.name)
    return not mapped or any(block.find("priority") for block in blocks)


def _check_addresses(file: ClusterFile, vips: Sequence[Vip], whole: Map, findings: Findings) -> None:
    """Addresses of nodes and VIPs are each somebody's own."""
    taken: dict[object, str] = {}
    for name, part in file.nodes.items():
        address = ip_address(part.address)
        first = taken.setdefault(address, name)
        if first != name:
            place = place_of(whole, ("nodes", name, "address"))
            findings.error(f"nodes.{name}: {address} is the address of {first}", place, "each has its own")
    named: dict[object, str] = {}
    for vip in vips:
        first = named.setdefault(vip.interface.ip, vip.name)
        if first != vip.name:
            place = place_of(whole, ("vips", vip.name))
            findings.error(f"vips.{vip.name}: {vip.interface.ip} is {first} too", place, "remove one of them")
        if vip.interface.ip in taken:
            name = taken[vip.interface.ip]
            place = place_of(whole, ("nodes", name, "address"))
            text = f"nodes.{name}: {vip.interface.ip} is a VIP, and cannot be a node's own address"
            findings.error(text, place, "choose a free address for the VIP")
