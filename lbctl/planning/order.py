"""The rollout as a list of steps: the same list is shown by plan and walked by apply.

What VRRP peers compare is taken by all running nodes at one instant, as one unit, after everything else has
been changed node by node: backups first would make two masters (measured). A node whose keepalived is yet to
be started comes after it, and finds the others as they will stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lbctl.keepalived.views import instances
from lbctl.kinds import PACKAGE
from lbctl.model.change import Action, Change
from lbctl.model.cluster import Cluster
from lbctl.model.effect import Impact, merged
from lbctl.model.facts import Facts
from lbctl.model.plan import Role, Step, StepName
from lbctl.planning import election, handover, join, servers
from lbctl.planning.instant import election_seconds, renewed, taken_at_one_instant
from lbctl.planning.meaning import document, live_document

VERIFIED = "units active, binds listening, servers up, one holder a VIP"
CONFIRMED = "write the owner record, disarm the undo"


def vip_addresses(cluster: Cluster) -> frozenset[str]:
    return frozenset(str(vip.interface.ip) for vip in cluster.vips)


def role(cluster: Cluster, facts: Facts) -> Role:
    if facts.held & vip_addresses(cluster):
        return Role.MASTER
    return Role.BACKUP if facts.active("keepalived") else Role.NONE


def node_order(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[str, ...]:
    """Nodes that hold no VIP first, by ascending effective priority; then the holders.

    Backups first, because what goes wrong goes wrong where no client is; the node that would take over
    next comes last among them, so that the master always has a proven successor.
    """

    def rank(name: str) -> tuple[bool, int, str]:
        file = cluster.node(name).file_of("keepalived")
        found = election.candidates(name, document("keepalived", file.content)) if file else ()
        holds = role(cluster, gathered[name]) is Role.MASTER
        return holds, max((c.priority for c in found), default=0), name

    return tuple(sorted(gathered, key=rank))


def steps(cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]) -> tuple[Step, ...]:
    """Everything that will be done, in order: what is done on all nodes first, then node by node."""
    order = node_order(cluster, gathered)
    by_node = {name: [c for c in changes if c.address.node == name] for name in order}
    found = [step for name in order for step in _install(name, by_node[name])]
    found += [step for name in order for step in _stage(name, by_node[name])]
    found += [step for name in order for step in servers.steps(gathered, by_node[name])]
    join_whom = joining(cluster, gathered, changes)

    def turn(name: str, own: Sequence[Change]) -> list[Step]:
        return _node(cluster, gathered, name, own, join_whom.get(name, ()))

    shared = taken_at_one_instant(gathered, changes)
    together = {change.address.node: change for change in shared}
    for name in order:
        apart = [c for c in by_node[name] if c not in shared]
        if name in together and any(c.action.touches for c in apart):
            found += turn(name, apart)
        elif not together and by_node[name]:
            found += turn(name, by_node[name])
    found += _together(gathered, [together[name] for name in order if name in together])
    for name in order if together else ():
        if name not in together and by_node[name]:
            found += turn(name, by_node[name])
    return tuple(found)


def joining(cluster: Cluster, gathered: Mapping[str, Facts], changes: Sequence[Change]) -> join.Others:
    """The nodes whose keepalived starts beside others'. Where none starts nothing is worked out."""
    return join.joining(gathered, node_order(cluster, gathered), changes) if join.starts(changes) else {}


def _together(gathered: Mapping[str, Facts], changes: Sequence[Change]) -> list[Step]:
    """The unit: step by step, each on all nodes at once."""
    texts: dict[StepName, Callable[[Change], str]] = {
        StepName.ARM: lambda _: "keep what the undo needs; one deadline and one undo for all",
        StepName.SWAP: lambda _: "the files; no daemon is touched",
        StepName.TAKE: lambda change: _take(gathered[change.address.node], change),
        StepName.VERIFY: lambda _: VERIFIED,
        StepName.CONFIRM: lambda _: CONFIRMED,
    }
    return [
        Step(name, change.address.node, text(change), together=True)
        for name, text in texts.items()
        for change in changes
    ]


def _take(facts: Facts, change: Change) -> str:
    """What VRRP's rules make of it. A new virtual router has no master until one is elected."""
    found = [vip.address for vip in renewed(change)]
    if not found:
        return "all nodes at one instant"
    held = ", ".join(vip for vip in found if vip in facts.held)
    part = f"it goes on answering for {held}" if held else "it is held out"
    return (
        f"all nodes at one instant; a new virtual router elects, up to {election_seconds(change):g} s: {part}"
    )


def _install(node: str, changes: Sequence[Change]) -> list[Step]:
    names = PACKAGE.install([c for c in changes if c.address.kind == "package" and c.action.touches])
    text = f"{', '.join(names)}; no service is started yet"
    return [Step(StepName.INSTALL, node, text)] if names else []


def _stage(node: str, changes: Sequence[Change]) -> list[Step]:
    files = [c for c in changes if c.address.kind == "file" and c.action.touches]
    names = [c.address.name.rpartition("/")[2] for c in files]
    names += [f"what {c.address.name} reads" for c in changes if c.action.begins_anew]
    fetched = ", ".join(map(_versions, _upgraded(changes)))
    text = f"{', '.join(names)}; checked by the daemons themselves"
    return [Step(StepName.STAGE, node, f"fetch {fetched}; {text}" if fetched else text)] if names else []


def _upgraded(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.action is Action.UPGRADE]


def _versions(change: Change) -> str:
    return f"{change.address.name} {change.differences[0].after}"


def _node(
    cluster: Cluster,
    gathered: Mapping[str, Facts],
    name: str,
    changes: Sequence[Change],
    joins: Sequence[str],
) -> list[Step]:
    """One node's turn. `joins` are the others that run when its keepalived starts in it, if it does."""
    touching = [c for c in changes if c.action.touches]
    if not touching:
        return [Step(StepName.CONFIRM, name, "write the owner record; nothing on the node changes")]
    effects = merged(e for c in changes for e in c.effects)
    moves = must_move(cluster, gathered, name, touching)
    found = [Step(StepName.ARM, name, "keep what the undo needs")]
    drained = held_out(gathered[name])
    if joins:
        found += _join(cluster, gathered[name])
    elif moves:
        how = way_out(gathered, name)
        what = handover.manner(gathered)
        found.append(Step(StepName.HANDOVER, name, f"the VIP moves to another node {how}, {what}"))
    elif drained and role(cluster, gathered[name]) is Role.BACKUP and not drained_by_hand(gathered[name]):
        found.append(Step(StepName.DRAIN, name, "held out of the election by its drain file (-253)"))
    if upgraded := _upgraded(touching):
        what = ", ".join(map(_versions, upgraded))
        text = f"{what}; no service is restarted yet, the new ones check their files"
        found.append(Step(StepName.UPGRADE, name, text))
    starts = [c.address.name for c in touching for d in c.differences if d.attribute == "active" and d.after]
    took = ", ".join([*(str(e) for e in effects), *(f"start {unit}" for unit in starts)])
    alone = all(c.action.begins_anew for c in touching)
    what = "" if alone else f"{_count(touching)}; "
    found.append(Step(StepName.SWAP, name, what + (took or "no daemon is touched")))
    found.append(Step(StepName.VERIFY, name, VERIFIED))
    if any(step.name in (StepName.DRAIN, StepName.HANDOVER) for step in found):
        by_hand = "its drain file is as it was: somebody drained it"
        text = by_hand if gathered[name].drain else "back in the election"
        if joins:
            text = _joined(join.wins(cluster, gathered, name, joins))
        found.append(Step(StepName.UNDRAIN, name, text))
    found.append(Step(StepName.CONFIRM, name, "disarm the undo" if alone else CONFIRMED))
    return found


def _join(cluster: Cluster, facts: Facts) -> Iterator[Step]:
    """What goes before the start of a keepalived that may not hear the others."""
    if join.can_listen(cluster, facts):
        why = "deaf to them it would be a second master"
        yield Step(StepName.LISTEN, facts.node, f"the others' adverts arrive, or it is not started: {why}")
    if join.starts_drained(cluster, facts):
        yield Step(StepName.DRAIN, facts.node, "starts out of the election, by its drain file (-253)")


def _joined(vips: Sequence[str]) -> str:
    moves = f": {', '.join(vips)} moves to it, plain" if vips else ""
    return f"in the election from now on{moves}"


def _count(changes: Sequence[Change]) -> str:
    return f"{len(changes)} change{'s' if len(changes) != 1 else ''}"


def held_out(facts: Facts) -> bool:
    """Can the running keepalived be held out of the election by the drain file?"""
    return facts.active("keepalived") and election.drainable(live_document(facts, "keepalived"))


def leaves_by_drain(gathered: Mapping[str, Facts], name: str) -> bool:
    """Do all its VIPs go to another node when it is drained? Not to one that does not preempt, and not where
    instances are in a sync group (measured): they do when keepalived is stopped here.
    """
    found = live_document(gathered[name], "keepalived")
    if found is None or not held_out(gathered[name]) or any(one.sync_group for one in instances(found)):
        return False
    standing = [
        one
        for facts in gathered.values()
        if facts.active("keepalived")
        for one in election.candidates(
            facts.node,
            live_document(facts, "keepalived"),
            drain=election.DRAINED if facts.node == name else facts.drain,
        )
    ]
    own = {vip for one in standing if one.node == name for vip in one.vips if vip in gathered[name].held}
    return all(election.owner([c for c in standing if vip in c.vips], name) != name for vip in own)


def way_out(gathered: Mapping[str, Facts], name: str) -> str:
    """For a reader of the plan: what makes its VIPs leave it."""
    return "by its drain file" if leaves_by_drain(gathered, name) else "by stopping its keepalived"


def drained_by_hand(facts: Facts) -> bool:
    """Is it out of the election already? Then it is neither drained nor undrained."""
    return facts.drain <= election.DRAINED


def must_move(cluster: Cluster, gathered: Mapping[str, Facts], name: str, changes: Sequence[Change]) -> bool:
    """Does the VIP leave this node before it is touched? A reload needs no move, a restart does."""
    if role(cluster, gathered[name]) is not Role.MASTER or cluster.handover == "never":
        return False
    if not successors(gathered, name):
        return False
    impact = max((e.impact for c in changes for e in c.effects), default=Impact.NONE)
    stops = any(d.attribute == "active" and d.after is False for c in changes for d in c.differences)
    return cluster.handover == "always" or impact is Impact.RESTART or stops


def successors(gathered: Mapping[str, Facts], name: str) -> tuple[str, ...]:
    """The other nodes that could serve now."""
    return tuple(
        other
        for other, facts in gathered.items()
        if other != name and facts.active("haproxy") and facts.active("keepalived") and not facts.drain
    )
