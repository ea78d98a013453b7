"""What the nodes lack of the programs that lbctl makes use of, and what is off without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import Problem
from lbctl.model.change import Change
from lbctl.model.cluster import Cluster, Node
from lbctl.model.facts import Facts
from lbctl.planning import join
from lbctl.planning.order import joining

_USES = (
    ("socat", "servers' health is neither seen nor carried over a reload"),
    ("bash", "it is not tried whether the VIP and new servers answer"),
)


def missing(cluster: Cluster, gathered: Mapping[str, Facts]) -> Iterator[Problem]:
    """A warning for each program, naming the nodes that lack it and do not get it by this plan."""
    for tool, without in _USES:
        lacking = [name for name, facts in gathered.items() if _is_missed(tool, cluster.node(name), facts)]
        if lacking:
            text = f"{', '.join(lacking)}: {tool} is missing, so {without}"
            mend = f"packages: [{tool}] in the cluster file installs it"
            yield Problem(text, mend=mend, level="warning", code="tools")


def deaf(cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Problem]:
    """A warning for nodes whose keepalived starts although nobody can see that it will hear the others."""
    lacking = [
        name for name in joining(cluster, gathered, changes) if not join.can_listen(cluster, gathered[name])
    ]
    if lacking:
        tool = join.LISTENS_WITH
        text = f"{', '.join(lacking)}: {tool} is missing, so keepalived starts without being sure to hear"
        mend = (
            f"packages: [{tool}] in the cluster file installs it; two holders are undone when they are seen"
        )
        yield Problem(text, mend=mend, level="warning", code="tools")


def _is_missed(tool: str, node: Node, facts: Facts) -> bool:
    if tool in facts.tools or any(package.name == tool and not package.absent for package in node.packages):
        return False
    file = node.file_of("haproxy")
    return file is not None and (tool != "socat" or b"stats socket" in file.content.shown)
