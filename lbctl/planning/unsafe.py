"""What is wrong with a plan, each finding with a code that `--allow` takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lbctl.document import Document
from lbctl.errors import Problem
from lbctl.haproxy.views import servers
from lbctl.keepalived.views import instances
from lbctl.model.change import Action, Change
from lbctl.model.cluster import Cluster
from lbctl.model.effect import Impact
from lbctl.model.facts import Facts
from lbctl.model.plan import Role
from lbctl.planning import handover, instant, join
from lbctl.planning.meaning import document
from lbctl.planning.order import joining, must_move, role, successors

CODES = (
    "drift",
    "shrink",
    "last-node",
    "take-over",
    "vip-removed",
    "node-removed",
    "split",
    "tie",
    "partial",
    "live-node",
    "one-way",
)


def findings(
    cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> tuple[Problem, ...]:
    """Everything that has to be allowed, in a stable order; the same finding on several nodes once."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, facts in gathered.items():
        own = [c for c in changes if c.address.node == name]
        for code, text in _node(cluster, gathered, facts, own):
            found.setdefault((code, text), []).append(name)
    for name, text in _split(cluster, gathered, changes):
        found.setdefault(("split", text), []).append(name)
    return tuple(
        Problem(f"{', '.join(nodes)}: {text}", level="unsafe", code=code, mend=_mend(code))
        for (code, text), nodes in sorted(found.items())
    )


def _split(
    cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> Iterator[tuple[str, str]]:
    """Where a change that all take at one instant may still give the VIP to two nodes."""
    shared = instant.taken_at_one_instant(gathered, changes)
    for name in cluster.excluded if shared else ():
        yield name, "is left out of a change that VRRP peers compare: if it runs, it holds the VIP as well"
    yield from instant.unsafe(gathered, shared)


def left_out(cluster: Cluster) -> tuple[Problem, ...]:
    """Nodes that stay as they are while the others move on."""
    mend = (
        f"it counts as absent, and a later apply without --exclude brings it up to date: {_allow('partial')}"
    )
    return tuple(
        Problem(f"{name}: is left out, and stays behind", level="unsafe", code="partial", mend=mend)
        for name in cluster.excluded
    )


def costs(cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]) -> tuple[Problem, ...]:
    """What the clients will notice, beforehand. The number is of now, and no part of what goes stale."""
    found: list[Problem] = []
    for name in gathered:
        own = [c for c in changes if c.address.node == name and c.action.touches]
        if must_move(cluster, gathered, name, own):
            found += handover.costs(gathered, name)
    return (*found, *_taken(cluster, gathered, changes))


def _taken(cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Problem]:
    """The VIPs that a node which joins takes from their holders."""
    for name, others in joining(cluster, gathered, changes).items():
        vips = join.wins(cluster, gathered, name, others)
        holders = sorted({join.holder(gathered, vip) for vip in vips} - {""})
        if holders:
            cut = sum(gathered[holder].connections for holder in holders)
            text = f"{name}: {', '.join(vips)} moves to it plainly from {', '.join(holders)}, "
            mend = "its priority is the highest; it takes no part in the election before it hears the others"
            yield Problem(
                f"{text}whose {cut} open connections may be cut",
                mend=mend,
                level="warning",
                code="plain-handover",
            )


def foreign(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[Problem, ...]:
    """Nodes that belong to another cluster. No code allows it: taking one over begins on the node itself."""
    ids = Counter(
        f.owner.cluster_id for f in gathered.values() if f.owner and f.owner.cluster == cluster.name
    )
    ours = ids.most_common(1)[0][0] if ids else ""
    found = []
    for name, facts in gathered.items():
        if facts.owner and (facts.owner.cluster != cluster.name or facts.owner.cluster_id != ours):
            was = "was retired from" if facts.owner.retired else "belongs to"
            text = f"{name}: {was} another cluster, {facts.owner.cluster} (id {facts.owner.cluster_id})"
            mend = "is the address right? if the node is really free, remove /var/lib/lbctl/owner.json on it"
            found.append(Problem(text, mend=mend, code="foreign"))
    return tuple(found)


def _mend(code: str) -> str:
    mends = {
        "drift": "keep it: lbctl import --merge takes it into the cluster file; or undo it knowingly",
        "take-over": "first lbctl import it, or apply the file as import wrote it, which only records; or",
        "split": "VRRP peers compare this in every advert: those that differ do not hear each other",
    }
    return f"{mends.get(code, 'if that is meant')}: {_allow(code)}"


def _allow(code: str) -> str:
    return f"--allow {code}"


def _node(
    cluster: Cluster, gathered: Mapping[str, Facts], facts: Facts, changes: Sequence[Change]
) -> Iterator[tuple[str, str]]:
    drifted = [c for c in changes if c.standing.drifted and c.action.touches]
    if drifted:
        names = ", ".join(c.address.on_any_node for c in drifted)
        yield "drift", f"somebody changed {names} since the last apply; this plan would undo it"
    yield from _take_over(facts, changes)
    yield from _last_node(cluster, gathered, facts, changes)
    for change in changes:
        if change.address.kind == "file":
            yield from _shrunk(facts, change)
            yield from _vips_removed(change)


def _take_over(facts: Facts, changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """A node that was never ours, with a daemon's configuration that is not the package's sample."""
    if facts.owner is not None:
        return
    for change in changes:
        theirs = change.live is not None and change.address.kind == "file" and change.action.touches
        if theirs and change.address.name not in facts.samples:
            yield "take-over", f"{change.address.on_any_node} is there already and is not lbctl's"


def _last_node(
    cluster: Cluster, gathered: Mapping[str, Facts], facts: Facts, changes: Sequence[Change]
) -> Iterator[tuple[str, str]]:
    impact = max((c.impact for c in changes), default=Impact.NONE)
    serving = role(cluster, facts) is Role.MASTER and facts.active("haproxy")
    if serving and impact is Impact.RESTART and not successors(gathered, facts.node):
        yield "last-node", "it is the last serving node and a daemon has to restart: clients will see it"


def _documents(change: Change, daemon: str) -> tuple[Document | None, Document | None]:
    if not change.address.name.startswith(f"/etc/{daemon}/") or not change.action.touches:
        return None, None
    return document(daemon, change.before), document(daemon, change.after)


def _shrunk(facts: Facts, change: Change) -> Iterator[tuple[str, str]]:
    """A backend left with fewer than two live servers, or losing half of them."""
    before, after = _documents(change, "haproxy")
    if before is None or after is None:
        return
    down = {(s.backend, s.server) for s in facts.servers or () if not s.up}
    old = Counter(s.proxy for s in servers(before) if (s.proxy, s.name) not in down)
    new = Counter(s.proxy for s in servers(after) if (s.proxy, s.name) not in down)
    for backend, count in sorted(old.items()):
        left = new[backend]
        if left < count and (left < 2 or left * 2 <= count) and _still_there(after, backend):
            yield "shrink", f"backend {backend} goes from {count} live servers to {left}"


def _still_there(document: Document, backend: str) -> bool:
    """A backend that is removed with its frontend is a decision of its own, not a shrinking one."""
    return any(s.keyword in ("backend", "listen") and s.name == backend for s in document.statements)


def _vips_removed(change: Change) -> Iterator[tuple[str, str]]:
    before, after = _documents(change, "keepalived")
    if before is None:
        return
    old = {vip.address for one in instances(before) for vip in one.vips}
    new = {vip.address for one in instances(after) for vip in one.vips} if after else set()
    if old - new and change.action is not Action.CREATE:
        yield "vip-removed", f"VIP {', '.join(sorted(old - new))} is removed"
