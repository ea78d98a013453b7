"""A node whose keepalived is about to start while another's runs: new, replaced, or merely stopped.

One that does not hear the others makes itself master beside theirs. So it listens before it starts, and
starts out of the election where its file has the drain file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lbctl.model.change import Change
from lbctl.model.cluster import Cluster
from lbctl.model.facts import Facts
from lbctl.planning import election
from lbctl.planning.election import Candidate
from lbctl.planning.meaning import document

LISTENS_WITH = "socat"


Others = Mapping[str, tuple[str, ...]]
"""By node whose keepalived starts: the others whose keepalived runs by then."""


def joining(gathered: Mapping[str, Facts], order: Sequence[str], changes: Sequence[Change]) -> Others:
    """The nodes that join others; of a bare cluster all but the first, in the order of the rollout."""
    found = {}
    running = [name for name, facts in gathered.items() if facts.active("keepalived")]
    for name in order:
        if starts([c for c in changes if c.address.node == name]):
            if running:
                found[name] = tuple(running)
            running.append(name)
    return found


def starts(changes: Sequence[Change]) -> bool:
    """Do a node's changes start its keepalived? What is only recorded runs already."""
    found = [c for c in changes if (c.address.kind, c.address.name) == ("service", "keepalived")]
    found = [c for c in found if c.action.touches]
    return any(d.attribute == "active" and d.after is True for c in found for d in c.differences)


def can_listen(cluster: Cluster, facts: Facts) -> bool:
    """Has the node what it listens with, or does it get that first?"""
    packages = cluster.node(facts.node).packages
    return LISTENS_WITH in facts.tools or any(p.name == LISTENS_WITH and not p.absent for p in packages)


def starts_drained(cluster: Cluster, facts: Facts) -> bool:
    """Does the file that it starts with follow the drain file, and is it for lbctl to write that?"""
    file = cluster.node(facts.node).file_of("keepalived")
    return not facts.drain and election.drainable(document("keepalived", file.content) if file else None)


def wins(
    cluster: Cluster, gathered: Mapping[str, Facts], name: str, others: Sequence[str]
) -> tuple[str, ...]:
    """The VIPs that move from these others to the node, once all have their files as desired."""
    standing = [c for other in others for c in _candidates(cluster, gathered[other])]
    mine = _candidates(cluster, gathered[name])
    return tuple(
        vip
        for vip in sorted({vip for one in mine for vip in one.vips})
        if _winner(vip, standing, mine, holder(gathered, vip)) == name
    )


def _winner(vip: str, standing: Sequence[Candidate], mine: Sequence[Candidate], has: str) -> str:
    rivals = [c for c in standing if vip in c.vips]
    had = election.owner(rivals, has)
    return election.owner([*rivals, *(c for c in mine if vip in c.vips)], had) if had else ""


def holder(gathered: Mapping[str, Facts], vip: str) -> str:
    """The node that has the VIP now, "" = none."""
    return next((name for name, facts in gathered.items() if vip in facts.held), "")


def _candidates(cluster: Cluster, facts: Facts) -> tuple[Candidate, ...]:
    file = cluster.node(facts.node).file_of("keepalived")
    wanted = document("keepalived", file.content) if file else None
    return election.candidates(facts.node, wanted, drain=facts.drain)
