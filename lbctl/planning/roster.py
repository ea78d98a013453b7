"""The cluster's nodes as the owner records name them, held against those of the file.

A node is who its address says: another name for the same address is no other node. Records of the time before
there was a roster say nothing; they get one with the next change that there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, replace
from itertools import groupby

from lbctl.model.change import Action, Change, Difference, Standing
from lbctl.model.cluster import Cluster, Node, RosterEntry, Ssh, roster_entry
from lbctl.model.facts import Facts
from lbctl.model.owner import Owner
from lbctl.model.plan import Plan, Step, StepName
from lbctl.model.resource import Address

KIND = "node"
"""Of the addresses of what stands here: `lb1/node/lb3` is lb3 in lb1's record."""


def owner(cluster: Cluster, facts: Facts) -> Owner | None:
    """The node's record, if it says that the node is one of this cluster's now."""
    found = facts.owner
    return found if found and found.cluster == cluster.name and not found.retired else None


def leavers(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[Node, ...]:
    """Nodes that a record names and the file does not, with what is needed to log in there.

    A node that got another address is none: its own record says which one it had. A name that another
    machine has by now gets `-old` behind it.
    """
    records = [record for facts in gathered.values() if (record := owner(cluster, facts))]
    known = {entry.address for entry in cluster.roster} | {record.address for record in records}
    found = {entry.address: entry for record in records for entry in record.roster or ()}
    gone = sorted((entry for address, entry in found.items() if address not in known), key=lambda e: e.name)
    names = {entry.name for entry in cluster.roster}
    password = next((n.ssh.become_password for n in cluster.nodes if n.ssh.become_password), "")
    return tuple(_node(entry, names, password) for entry in gone)


def _node(entry: RosterEntry, taken: set[str], password: str) -> Node:
    name = entry.name
    while name in taken:
        name += "-old"
    ssh = Ssh(entry.host, entry.user, entry.port, entry.become, password if entry.become else "")
    return Node(name, entry.address, ssh)


def behind(cluster: Cluster, gathered: Mapping[str, Facts]) -> dict[str, str]:
    """By name: the plan that a node of the file was left out of, and has not caught up with."""
    records = [record for facts in gathered.values() if (record := owner(cluster, facts))]
    plans = {e.address: e.behind for record in records for e in record.roster or () if e.behind}
    return {entry.name: plans[entry.address] for entry in cluster.roster if entry.address in plans}


def behind_text(plan: str) -> str:
    return f"it was left out of the apply of plan {plan}: a plain lbctl apply brings it up to date"


def changes(cluster: Cluster, gathered: Mapping[str, Facts], *, more: bool) -> tuple[Change, ...]:
    """What each record would say otherwise of the nodes: recorded, and no change of a node.

    `more`: the plan has other changes too, and records without a roster get one on this occasion.
    """
    found: list[Change] = []
    for name, facts in gathered.items():
        record = owner(cluster, facts)
        if record is not None and not cluster.retires(name) and (more or record.roster is not None):
            found += _differences(cluster, name, record)
    return tuple(found)


def _differences(cluster: Cluster, node: str, record: Owner) -> Iterator[Change]:
    for was, shall in _pairs(cluster, record):
        before, after = (asdict(one) if one else {} for one in (was, shall))
        moved = tuple(
            Difference(key, before.get(key), after.get(key), before.get(key), Standing.RECORDED)
            for key in (after or ("address",))
            if (before.get(key) or "") != (after.get(key) or "")
        )
        entry = shall or was
        if moved and entry:
            note = "" if shall else "it is named no longer"
            address = Address(node, KIND, entry.name)
            yield Change(address, Action.RECORD, Standing.RECORDED, moved, note=note)


def _pairs(cluster: Cluster, record: Owner) -> Iterator[tuple[RosterEntry | None, RosterEntry | None]]:
    """Each node as the record has it and as it shall: by its address, or by its name where that moved."""
    left_out = {roster_entry(node).address for node in cluster.left_out}
    here = {entry.address for entry in cluster.roster}
    old = {entry.address: entry for entry in record.roster or ()}
    gone = {entry.name: entry for entry in old.values() if entry.address not in here}
    for entry in cluster.roster:
        was = old.get(entry.address) or gone.pop(entry.name, None)
        # one that is left out again stays as far behind as it was
        yield was, replace(entry, behind=was.behind) if was and entry.address in left_out else entry
    yield from ((entry, None) for entry in gone.values())


def steps(
    cluster: Cluster, gathered: Mapping[str, Facts], found: Sequence[Change], walked: Sequence[Step]
) -> tuple[Step, ...]:
    """The records that are written after the nodes' turns: where there was none, or where it came too early.

    A node that goes, or catches up, is named as it was until that has happened: an apply that stops before
    must not lose sight of it.
    """
    late = {node.name for node in cluster.retired} | (behind(cluster, gathered).keys() - cluster.excluded)
    ends = _ends(walked, late)
    known = max((ends[name] for name in late if name in ends), default=0.0)
    changed = sorted({change.address.node for change in found})
    text = "write which nodes the cluster has; nothing on the node changes"
    return tuple(Step(StepName.CONFIRM, name, text) for name in changed if ends.get(name, -1.0) < known)


def _ends(walked: Sequence[Step], late: Set[str]) -> dict[str, float]:
    """By node: the number of the last turn that writes its record. In one together none sees another's."""
    found: dict[str, float] = {}
    for number, (_, turn) in enumerate(groupby(walked, key=lambda step: "" if step.together else step.node)):
        for step in turn:
            if step.name is StepName.CONFIRM:
                found[step.node] = number + (0.5 if step.together and step.node in late else 0.0)
    return found


def written(cluster: Cluster, plan: Plan, record: Owner | None, done: Set[str]) -> tuple[RosterEntry, ...]:
    """What a node's record says of the nodes once those of `done` have had their turn.

    `record` is what it says now: a node that has yet to go, or to catch up, stays as it is there.
    """
    old = {entry.address: entry for entry in (record.roster if record else None) or ()}
    turns = {step.node for step in plan.steps if step.name is StepName.ARM}

    def entry(new: RosterEntry) -> RosterEntry:
        was = old[new.address].behind if new.address in old else ""
        if new.name in cluster.excluded:
            return replace(new, behind=was or plan.id)
        return replace(new, behind=was if new.name in turns - done else "")

    going = [old[n.address] for n in cluster.retired if n.name not in done and n.address in old]
    return tuple(sorted((*map(entry, cluster.roster), *going), key=lambda one: one.name))
