"""drift: what is not as the last apply left it: the files, what the daemons have read, and what runs.

Reads only; silent unless there is something to say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lbctl.errors import NodeError, Problem
from lbctl.model.change import Action, Change, Standing
from lbctl.model.cluster import Cluster
from lbctl.model.event import Gathering
from lbctl.model.facts import Facts
from lbctl.model.plan import Apart
from lbctl.model.report import DriftItem, DriftReport
from lbctl.planning import retire, roster
from lbctl.planning.layers import by_hand, differing, holders, unloaded
from lbctl.planning.plan import make
from lbctl.store.workspace import ClusterState
from lbctl.transport.protocol import Reader
from lbctl.workflows.applied import told_apart
from lbctl.workflows.plan import now
from lbctl.workflows.read import Emit, read, whole


def drift(cluster: Cluster, state: ClusterState, reader: Reader, emit: Emit) -> DriftReport:
    """Everything of every node that is to be known. A node that cannot be read is unknown, and no error."""
    found = read(cluster, reader, emit, layers=True)
    items = [
        DriftItem(name, "unknown", name, text=str(error).removeprefix(f"{name}: ").replace("\n", "; "))
        for name, error in found.items()
        if isinstance(error, NodeError)
    ]
    read_now = {name: one for name, one in found.items() if isinstance(one, Facts)}
    cluster, gathered = whole(cluster, read_now, reader, emit)
    items += [_lost(problem) for problem in cluster.problems if problem.code == retire.LOST]
    at = now()
    plan = make(cluster, gathered, at)
    items += [
        DriftItem(
            problem.text.partition("/")[0], "unknown", problem.text.partition(": ")[0], text=problem.text
        )
        for problem in plan.problems
        if problem.code == "unknown"
    ]
    apart = {one.address: one for one in told_apart(cluster, state, gathered, plan.changes)}
    items += [item for change in plan.changes for item in _items(change, apart.get(change.address))]
    items += [item for facts in gathered.values() for item in _drained(facts, at)]
    items += [_behind(name, left_out) for name, left_out in roster.behind(cluster, gathered).items()]
    items += [item for facts in read_now.values() for item in unloaded.findings(facts)]
    items += differing.findings(cluster, read_now)
    items += by_hand.findings(read_now)
    items += _holders(cluster, {**found, **gathered}, reader, emit)
    return DriftReport(cluster.name, tuple(items), plan.changes, cluster.excluded)


def _holders(
    cluster: Cluster, found: Mapping[str, Facts | NodeError], reader: Reader, emit: Emit
) -> list[DriftItem]:
    """Who holds the VIPs. What is to be said of that is looked at again when an election would be over: a
    VIP that moves is for a moment on two nodes, on none, or not yet on the one that takes it.
    """
    once = list(_of_holders(cluster, found))
    if not once:
        return once
    gathered = {name: one for name, one in found.items() if isinstance(one, Facts)}
    emit(Gathering(tuple(node.name for node in cluster.nodes)))
    time.sleep(holders.settle_seconds(cluster, gathered))
    everybody = replace(cluster, nodes=(*cluster.nodes, *cluster.retired))
    return [item for item in _of_holders(cluster, read(everybody, reader, emit)) if item in once]


def _of_holders(cluster: Cluster, found: Mapping[str, Facts | NodeError]) -> Iterator[DriftItem]:
    gathered = {name: one for name, one in found.items() if isinstance(one, Facts)}
    unread = frozenset(found.keys() - gathered.keys()) | frozenset(cluster.excluded)
    unread |= {_lost(problem).node for problem in cluster.problems if problem.code == retire.LOST}
    return holders.findings(cluster, gathered, unread)


def _lost(problem: Problem) -> DriftItem:
    """A node that is to be retired, and cannot be."""
    name, _, text = problem.text.partition(": ")
    return DriftItem(name, "pending", name, text=f"{text}; {problem.mend}")


def _behind(name: str, plan: str) -> DriftItem:
    return DriftItem(name, "note", name, text=roster.behind_text(plan))


def _drained(facts: Facts, time: str) -> Iterator[DriftItem]:
    """An operator's drain: worth knowing until its time has passed, and drift from then on."""
    node, record = facts.node, facts.drain_record
    if record is None:
        if facts.drain:
            said = f"its drain file says {facts.drain}: somebody drained it"
            yield DriftItem(node, "note", node, text=said)
        return
    why = f" ({record.reason})" if record.reason else ""
    if not facts.drain:
        said = (
            f"{record.who} drained it{why}, but its drain file says 0; put that right: lbctl undrain {node}"
        )
        yield DriftItem(node, "drift", node, text=said)
    elif record.expired(time):
        when = f" until {record.until}, which has passed" if record.until else ""
        said = f"{record.who} drained it{when}{why}; end that: lbctl undrain {node}"
        yield DriftItem(node, "drift", node, text=said)
    else:
        yield DriftItem(node, "note", node, text=f"{record.who} drained it until {record.until}{why}")


def _items(change: Change, apart: Apart | None) -> Iterator[DriftItem]:
    """A change's drifted attributes and its pending ones, apart; in the file's own words, where known."""
    node, address = change.address.node, str(change.address)
    drifted = tuple(d for d in change.differences if d.standing in (Standing.DRIFT, Standing.BOTH))
    pending = tuple(d for d in change.differences if d.standing in (Standing.PENDING, Standing.BOTH))
    if drifted:
        yield DriftItem(node, "drift", address, drifted, "\n".join(apart.by_hand if apart else ()))
    if pending or (not drifted and change.action not in (Action.RECORD,)):
        own = "\n".join(apart.own) if apart else ""
        yield DriftItem(node, "pending", address, pending, own or change.note)
