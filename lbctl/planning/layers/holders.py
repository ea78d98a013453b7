"""Who holds each VIP, against who should: two, none, one that was left behind, a lower node. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.document import Document
from lbctl.model.cluster import Cluster
from lbctl.model.facts import Facts
from lbctl.model.report import HOLDERS, OPERATIONAL, DriftItem
from lbctl.model.resource import Address
from lbctl.planning import election
from lbctl.planning.election import Candidate
from lbctl.planning.meaning import document, live_document
from lbctl.planning.order import vip_addresses

_WAITS = "does not preempt (nopreempt)"


def findings(cluster: Cluster, gathered: Mapping[str, Facts], unread: frozenset[str]) -> Iterator[DriftItem]:
    """Nothing while somebody is at work: VIPs move then. `unread` are nodes of which nothing is known."""
    if any(facts.lock or facts.armed for facts in gathered.values()):
        return
    for vip in sorted(vip_addresses(cluster)):
        holders = tuple(name for name, facts in gathered.items() if vip in facts.held)
        yield from _wrong(gathered, vip, holders)
        if not holders and not unread:
            yield from _nobody(gathered, vip)
        if len(holders) == 1 and gathered[holders[0]].active("keepalived"):
            yield from _lower(cluster, gathered, vip, holders[0])


def settle_seconds(cluster: Cluster, gathered: Mapping[str, Facts]) -> float:
    """After so long an election is over: what is found then as well is no VIP that was on its way."""
    found = (c for name in gathered for c in _candidates(cluster, gathered, name))
    return election.patience(found) + 1


def _wrong(gathered: Mapping[str, Facts], vip: str, holders: tuple[str, ...]) -> Iterator[DriftItem]:
    for name in holders:
        said = []
        if len(holders) > 1:
            said.append(f"{len(holders)} nodes hold it: {', '.join(holders)}")
        if not gathered[name].active("keepalived"):
            said.append("keepalived does not run here, and has left it behind: nobody takes it away")
        if said:
            yield _item(name, HOLDERS, vip, "; ".join(said))


def _nobody(gathered: Mapping[str, Facts], vip: str) -> Iterator[DriftItem]:
    """Of nodes without the package nobody expects it yet."""
    there = [name for name, facts in gathered.items() if (d := facts.daemon("keepalived")) and d.loaded]
    running = [name for name in there if gathered[name].active("keepalived")]
    text = "no node holds it" + ("" if running else ": keepalived runs on none")
    yield from (_item(name, HOLDERS, vip, text) for name in there)


def _item(node: str, what: str, vip: str, text: str) -> DriftItem:
    return DriftItem(node, what, str(Address(node, "vip", vip)), text=text)


def _lower(cluster: Cluster, gathered: Mapping[str, Facts], vip: str, holder: str) -> Iterator[DriftItem]:
    """A holder that would not be chosen if all nodes took part, with what is known of those before it.

    Nothing where they do not preempt and nothing else is the matter with them: their file says that.
    """
    nodes = (*cluster.nodes, *cluster.left_out)
    every = [c for node in nodes for c in _candidates(cluster, gathered, node.name)]
    found = [c for c in every if vip in c.vips]
    mine = next((c for c in found if c.node == holder), None)
    if mine is None:
        return
    before = sorted((c for c in found if c.priority > mine.priority), key=lambda c: -c.priority)
    why = [_why(cluster, gathered, c) or _by_rule(every, c, holder) for c in before]
    if set(why) - {_WAITS}:
        said = "; ".join(f"{c.node} ({c.priority}) {one}" for c, one in zip(before, why, strict=True))
        text = f"it is here, where the priority is {mine.priority}, because {said}"
        yield _item(holder, OPERATIONAL, vip, text)


def _why(cluster: Cluster, gathered: Mapping[str, Facts], one: Candidate) -> str:
    """What keeps this node from it, "" = nothing that was read there."""
    if one.node in cluster.excluded:
        return "is left out"
    facts = gathered.get(one.node)
    if facts is None:
        return "could not be read"
    for unit in ("keepalived", "haproxy"):
        if not facts.active(unit):
            return f"does not run {unit}"
    return "is drained" if facts.drain else ""


def _by_rule(every: Sequence[Candidate], one: Candidate, holder: str) -> str:
    """What VRRP says of a node that is well, and has not got it."""
    if one.nopreempt:
        return _WAITS
    theirs = {c.instance: c.priority for c in every if c.node == holder}
    group = [c for c in every if one.group and (c.node, c.group) == (one.node, one.group)]
    if any(c.priority <= theirs.get(c.instance, 0) for c in group):
        return f"is not better in every instance of sync group {one.group}, and takes all or none"
    if one.delay:
        return f"takes it {one.delay:g} s after it is back (preempt_delay)"
    return "does not take it, and nobody knows why: its keepalived's journal may"


def _candidates(cluster: Cluster, gathered: Mapping[str, Facts], name: str) -> tuple[Candidate, ...]:
    """The node's part if all is well with it: by the file that is there, or that it shall have."""
    file = gathered.get(name)
    live: Document | None = live_document(file, "keepalived") if file else None
    return election.candidates(name, live or _wanted(cluster, name))


def _wanted(cluster: Cluster, name: str) -> Document | None:
    node = next((one for one in (*cluster.nodes, *cluster.left_out) if one.name == name), None)
    file = node.file_of("keepalived") if node else None
    return document("keepalived", file.content) if file else None
