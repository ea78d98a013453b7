"""node forget: a node that is gone for good is named no longer by the others' records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches

from lbctl.errors import LbctlError, NodeError, RefusedError, UsageError
from lbctl.gather import write_owner
from lbctl.model.cluster import Cluster, Node
from lbctl.model.command import command
from lbctl.model.facts import Facts
from lbctl.model.report import ForgetReport
from lbctl.planning import retire, roster
from lbctl.transport.protocol import Transport
from lbctl.workflows.read import Emit, read, read_all

LIVE = "live-node"
"""The code that lets a node be forgotten which still takes part in VRRP."""


@dataclass(frozen=True)
class Gone:
    """A node to be forgotten: `cluster` and `gathered` are the nodes whose records can be read."""

    node: Node
    cluster: Cluster
    gathered: Mapping[str, Facts]
    unread: tuple[str, ...]


def find(cluster: Cluster, transport: Transport, emit: Emit, name: str, allowed: frozenset[str]) -> Gone:
    """Who that is, in the words of the records; nothing is written.

    Raises UsageError for a node that is in the file or that no record names, RefusedError for one that
    still takes part in VRRP, LbctlError where no record could be read.
    """
    if name in {entry.name for entry in cluster.roster}:
        raise UsageError(f"{name} is in {cluster.file}", mend="take it out of the file first")
    found = read(cluster, transport, emit)
    gathered = {node: one for node, one in found.items() if isinstance(one, Facts)}
    errors = [one for one in found.values() if isinstance(one, NodeError)]
    if not gathered:
        raise LbctlError("no node could be read, and so no record", detail="\n".join(map(str, errors)))
    leaving = {node.name: node for node in roster.leavers(cluster, gathered)}
    if name not in leaving:
        raise _nobody(name, leaving)
    unread = tuple(error.node for error in errors)
    gone = Gone(leaving[name], cluster.without(unread), gathered, unread)
    if LIVE not in allowed:
        _refuse_live(gone, transport, emit)
    return gone


def _nobody(name: str, leaving: Mapping[str, Node]) -> UsageError:
    near = get_close_matches(name, leaving, n=1)
    known = f"they name {', '.join(leaving)} beside it" if leaving else "they name those of the file alone"
    mend = f"did you mean {near[0]}? {known}" if near else known
    return UsageError(f"the nodes' records name no {name} beside the cluster file", mend=mend)


def _refuse_live(gone: Gone, transport: Transport, emit: Emit) -> None:
    """Whoever takes part in VRRP may take the VIP: a node that is named nowhere, and is never looked at."""
    node = gone.node
    transport.add(node)
    found = read(replace(gone.cluster, nodes=(node,)), transport, emit)[node.name]
    if isinstance(found, Facts) and retire.is_it(node, found) and found.active("keepalived"):
        raise RefusedError(
            f"{node.name}: it lives, and its keepalived runs; nothing was changed",
            detail="forgotten, it would go on to take part in the election",
            mend=f"lbctl apply retires it; or, if you know better: --allow {LIVE}",
        )


def forget(gone: Gone, transport: Transport, emit: Emit) -> ForgetReport:
    """Take the node out of every record that can be read. Raises LockedError, RefusedError, NodeError.

    Cut off in the middle it is named by some records still: to forget it again does the rest.
    """
    node, written = gone.node, []
    with _locked(gone, transport, emit) as gathered:
        for name, facts in gathered.items():
            record = roster.owner(gone.cluster, facts)
            left = tuple(e for e in (record.roster if record else None) or () if e.address != node.address)
            if record is None or record.roster is None or left == record.roster:
                continue
            data = write_owner(replace(record, roster=left), record.resources)
            said = command("journal", "by-hand", f"forget-{node.name}", "done")
            wrote = command("write_owner", hashlib.sha256(data).hexdigest(), stdin=data)
            transport.run(name, [command("make_base"), wrote, said])
            written.append(name)
    return ForgetReport(node.name, node.address, tuple(written), gone.unread)


@contextmanager
def _locked(gone: Gone, transport: Transport, emit: Emit) -> Iterator[Mapping[str, Facts]]:
    with ExitStack() as stack:
        for node in gone.cluster.nodes:
            stack.enter_context(transport.lock(node.name, f"forget {gone.node.name}"))
        gathered = read_all(gone.cluster, transport, emit)
        for name, facts in gathered.items():
            if facts.armed:
                raise RefusedError(
                    f"{name}: the apply of plan {facts.cut_off} was cut off there; nothing was changed",
                    mend="its undo would give the old record back; put that back first: lbctl apply",
                )
        yield gathered
