"""Making a plan: gathered facts and the desired cluster in, one frozen value out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import Problem
from lbctl.model.change import Change
from lbctl.model.cluster import Cluster, Node
from lbctl.model.election import ElectionChange
from lbctl.model.facts import Facts
from lbctl.model.plan import NodeView, Plan
from lbctl.model.restart import NO_RESTART, Restart
from lbctl.model.upgrade import Upgrade
from lbctl.planning import (
    election,
    order,
    retire,
    review,
    roster,
    servers,
    tools,
    unsafe,
)
from lbctl.planning.elections import party
from lbctl.planning.elections.change import change as election_change
from lbctl.planning.fingerprint import fingerprint
from lbctl.planning.meaning import document, explained
from lbctl.planning.threeway import compare
from lbctl.planning.upgrade import begun_anew


def make(
    cluster: Cluster,
    gathered: Mapping[str, Facts],
    created: str,
    warnings: Sequence[Problem] = (),
    restart: Restart = NO_RESTART,
) -> Plan:
    """The plan for these facts. `created` is its time in UTC, ISO 8601; `warnings` are the file's own.

    Where a `restart` (or an upgrade, which is one) is wished for, it is the plan of that alone.
    """
    changes: list[Change] = []
    problems: list[Problem] = [*unsafe.foreign(cluster, gathered)]
    staying = {name: facts for name, facts in gathered.items() if not cluster.retires(name)}
    for name, facts in staying.items():
        node = cluster.node(name)
        found, unknown = compare(node, facts)
        changes += [explained(change, node, facts) for change in found]
        problems += unknown
        problems += _drained(node, facts)
    if restart:
        changes, refused = begun_anew(restart, cluster, staying, changes)
        problems += refused
    problems += [problem for facts in gathered.values() for problem in _unfinished(facts)]
    problems += unsafe.findings(cluster, staying, changes)
    # who is not restarted misses nothing that the others have
    problems += () if restart else unsafe.left_out(cluster)
    problems += _losses(cluster, staying, changes)
    nodes = tuple(_view(cluster, facts, restart) for facts in gathered.values())
    steps = order.steps(cluster, staying, changes)
    if not restart:  # nodes that leave, and what the records say of the others, are an apply's
        problems += retire.problems(cluster, gathered)
        steps = retire.steps(cluster, gathered, changes, steps)
        changes += retire.changes(cluster)
        recorded = roster.changes(cluster, staying, more=bool(changes))
        steps += roster.steps(cluster, staying, recorded, steps)
        changes += recorded
    linted = () if restart else review.findings(cluster, staying, changes)
    return Plan(
        id=_id(cluster, nodes, created),
        cluster=cluster.name,
        created=created,
        digest=cluster.digest,
        nodes=nodes,
        changes=tuple(changes),
        steps=steps,
        problems=(*problems, *review.unsafe(linted), *review.beside(linted, warnings)),
        findings=linted,
        election=_election(cluster, gathered, changes),
    )


def _losses(cluster: Cluster, staying: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Problem]:
    """What the clients may notice, and what of lbctl cannot work on the nodes."""
    yield from unsafe.costs(cluster, staying, changes)
    yield from servers.undrained(staying, changes)
    yield from tools.missing(cluster, staying)
    yield from tools.deaf(cluster, staying, changes)


def same_inputs(one: Plan, other: Plan) -> tuple[str, ...]:
    """What has moved between two plans for the same cluster; nothing = the older one still holds."""
    moved = []
    if one.digest != other.digest:
        moved.append("the cluster file (or what it refers to) has changed")
    before = {view.node: view for view in one.nodes}
    for view in other.nodes:
        if view.node not in before:
            moved.append(f"{view.node} is not in the plan; was it left out of it? then --exclude {view.node}")
        elif before[view.node].fingerprint != view.fingerprint:
            was = before[view.node]
            holds = f"; it held {', '.join(was.holds) or 'no VIP'}, now {', '.join(view.holds) or 'none'}"
            moved.append(f"{view.node} has changed{holds if was.holds != view.holds else ''}")
        elif before[view.node].offers != view.offers:
            moved.append(f"{view.node}: the versions of its packages, or what its apt offers, have changed")
    moved += [
        f"{name} is in the plan, and not among the nodes of now"
        for name in before
        if name not in {view.node for view in other.nodes}
    ]
    if not moved and (one.changes, one.steps) != (other.changes, other.steps):
        moved.append("the same inputs give another plan: was it made by another version of lbctl?")
    return tuple(moved)


def _election(
    cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]
) -> ElectionChange | None:
    """What the changes make of who holds the VIPs; nothing is worked out where they cannot bear on it."""
    kinds = {change.address.kind for change in changes if change.action.touches}
    if kinds.isdisjoint(("file", "service", "node")):
        return None
    held = party.holders(gathered)
    drains = {name: facts.drain for name, facts in gathered.items()}
    return election_change(party.live(cluster, gathered), party.desired(cluster, drains), held)


def _view(cluster: Cluster, facts: Facts, wish: Restart) -> NodeView:
    vips = order.vip_addresses(cluster)
    return NodeView(
        node=facts.node,
        role=order.role(cluster, facts),
        holds=tuple(sorted(facts.held & vips)),
        serial=facts.owner.serial if facts.owner else 0,
        fingerprint=fingerprint(facts, vips),
        retired=cluster.retires(facts.node),
        offers=wish.offers.get(facts.node, ()) if isinstance(wish, Upgrade) else (),
    )


def _unfinished(facts: Facts) -> tuple[Problem, ...]:
    if not facts.armed:
        return ()
    text = f"{facts.node}: the apply of plan {facts.cut_off} was cut off in the middle"
    return (
        Problem(
            text,
            level="warning",
            code="unfinished",
            mend="apply puts it back first, and plans again: lbctl apply",
        ),
    )


def _drained(node: Node, facts: Facts) -> tuple[Problem, ...]:
    """Somebody works on the node. An apply leaves that alone, or is none.

    What an apply that was cut off has drained is its undo's to put back.
    """
    if not facts.drain or facts.armed or not order.held_out(facts):
        return ()
    file = node.file_of("keepalived")
    by = f" by {facts.drain_record.who}" if facts.drain_record else ""
    if file and election.drainable(document("keepalived", file.content)):
        text = f"{facts.node}: is drained{by}, and stays so"
        return (Problem(text, level="warning", code="drained", mend=f"to end that: {_undrain(facts)}"),)
    text = f"{facts.node}: is drained{by}, and without its drain file it would be back in the election"
    return (Problem(text, code="drained", mend=f"leave drain in additions:, or first: {_undrain(facts)}"),)


def _undrain(facts: Facts) -> str:
    return f"lbctl undrain {facts.node}"


def _id(cluster: Cluster, nodes: Sequence[NodeView], created: str) -> str:
    value = [cluster.digest, created, [view.fingerprint for view in nodes]]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]
