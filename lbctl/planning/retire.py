"""A node that was taken out of the file: whether it is the one that the records mean, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import NodeError, Problem
from lbctl.model.change import Action, Change, Standing
from lbctl.model.cluster import Cluster, Node
from lbctl.model.effect import Scope
from lbctl.model.facts import Facts
from lbctl.model.plan import Role, Step, StepName
from lbctl.model.resource import Address
from lbctl.planning import handover, order, roster

UNITS = ("keepalived", "haproxy")
"""In the order in which they end: no VIP may come to a node whose HAProxy is about to go."""

LOST = "node-lost"
"""The code of a problem: a node is to be retired, and cannot be."""

STAYS = "keepalived and haproxy are stopped and disabled; its packages and files stay"


def is_it(node: Node, facts: Facts) -> bool:
    """Is this the machine that the records mean? Its name may lead to another one by now."""
    return node.address in facts.held


def due(cluster: Cluster, node: Node, found: Facts | NodeError) -> bool:
    """Is there anything to retire? What is another cluster's by now, or nobody's, is left alone."""
    if isinstance(found, NodeError) or not is_it(node, found):
        return False
    ours = found.owner is not None and found.owner.cluster == cluster.name
    return ours and not _out(cluster, found)


def _out(cluster: Cluster, facts: Facts) -> bool:
    """It was retired before, and nothing of it runs or would after a boot."""
    runs = any(daemon.active or daemon.enabled for daemon in facts.daemons)
    return roster.owner(cluster, facts) is None and not runs


def obstacle(cluster: Cluster, node: Node, found: Facts | NodeError) -> Problem | None:
    """Why nothing can be said of a node that goes; None = it is retired, or is out of the cluster already."""
    name = node.name
    if isinstance(found, NodeError):
        return _lost(name, found.summary.removeprefix(f"{name}: "))
    if not is_it(node, found):
        return _lost(name, f"what answers at {node.ssh.host} has not its address, {node.address}")
    if found.owner is None and found.active("keepalived"):
        return _lost(name, "it has no owner record any more, and its keepalived runs")
    return None


def _lost(name: str, why: str) -> Problem:
    text = f"{name}: is not in the cluster file any more, and cannot be retired: {why}"
    mend = f"if it is gone for good: lbctl node forget {name}; else: back into the file, and --exclude {name}"
    return Problem(text, mend=mend, code=LOST)


def changes(cluster: Cluster) -> tuple[Change, ...]:
    return tuple(
        Change(Address(node.name, roster.KIND, node.name), Action.RETIRE, Standing.PENDING, (), note=STAYS)
        for node in cluster.retired
    )


def problems(cluster: Cluster, gathered: Mapping[str, Facts]) -> Iterator[Problem]:
    """What has to be allowed, and what it costs."""
    for node in cluster.retired:
        facts = gathered[node.name]
        text = f"{node.name}: is not in the cluster file any more, and is retired"
        mend = "if that is meant: --allow node-removed"
        yield Problem(text, mend=mend, level="unsafe", code="node-removed")
        if order.role(cluster, facts) is not Role.MASTER:
            continue
        yield from handover.costs(gathered, node.name)
        if not _successors(cluster, gathered):
            text = f"{node.name}: none of the nodes that stay serves yet"
            mend = "if they will by the time that it goes: --allow last-node"
            yield Problem(text, mend=mend, level="unsafe", code="last-node")


def _successors(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[str, ...]:
    return order.successors({node.name: gathered[node.name] for node in cluster.nodes}, "")


def steps(
    cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change], turns: Sequence[Step]
) -> tuple[Step, ...]:
    """The other nodes' turns and those of the nodes that go.

    They go last: until the new ones serve, nothing is taken away. But where the others change what VRRP peers
    compare, and be it only that they leave it out of their unicast peers, they go first: a node that the
    master's adverts do not reach any more is a second master.
    """
    own = [step for name in _order(cluster, gathered) for step in _node(cluster, gathered, name)]
    if not (any(c.scope is Scope.CLUSTER for c in changes) and _successors(cluster, gathered)):
        return (*turns, *own)
    before = [step for step in turns if step.name.before_any_node_changes]
    return (*before, *own, *(step for step in turns if step not in before))


def _order(cluster: Cluster, gathered: Mapping[str, Facts]) -> list[str]:
    """The holder last: the VIP moves once."""
    names = [node.name for node in cluster.retired]
    return sorted(names, key=lambda name: (order.role(cluster, gathered[name]) is Role.MASTER, name))


def _node(cluster: Cluster, gathered: Mapping[str, Facts], name: str) -> Iterator[Step]:
    facts = gathered[name]
    yield Step(StepName.ARM, name, "keep what the undo needs")
    if order.role(cluster, facts) is Role.MASTER:
        how = order.way_out(gathered, name)
        what = handover.manner(gathered)
        yield Step(StepName.HANDOVER, name, f"the VIP moves to a node that stays {how}, {what}")
    text = "keepalived ends, then haproxy when its connections have; both disabled; the VIP answers elsewhere"
    yield Step(StepName.RETIRE, name, text)
    yield Step(StepName.CONFIRM, name, "its owner record says that it is out, disarm the undo")
