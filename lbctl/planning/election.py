"""Who owns a VIP: what follows from the nodes' keepalived documents and which of them are running."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lbctl.document import Document
from lbctl.keepalived.advert import awaited
from lbctl.keepalived.election import FAULT, effective_priority, master_down
from lbctl.keepalived.views import instances, scripts, track_files

DRAIN_FILE = "/var/lib/lbctl/drain"
# measured: -254 would be FAULT; and a priority of 1 still leaves an owner if every node is drained
DRAINED = -253


@dataclass(frozen=True)
class Candidate:
    """One node's part in the election of one instance. `priority` is the effective one; `patience` is the
    longest for which it waits for an advert before it makes itself master, in seconds."""

    node: str
    instance: str
    priority: int
    nopreempt: bool
    advert_int: float
    patience: float
    vips: tuple[str, ...]


def candidates(node: str, document: Document | None, *, drain: int = 0) -> tuple[Candidate, ...]:
    """The node's candidacies while its checks succeed and its drain file says `drain`."""
    if document is None:
        return ()
    waits = {one.instance: one.patience for one in awaited(document)}
    checks, files = scripts(document), track_files(document)
    contents = {file.name: drain for file in files if file.path == DRAIN_FILE}
    return tuple(
        Candidate(
            node,
            one.name,
            effective_priority(one, checks, files, contents=contents),
            one.nopreempt,
            one.advert_int,
            waits.get(one.name, master_down(one.advert_int, 2)),
            tuple(vip.address for vip in one.vips),
        )
        for one in instances(document)
    )


def owner(of: Sequence[Candidate], holder: str) -> str:
    """The node that will hold the instance's VIPs, "" when none can; `holder` has them now ("" = nobody).

    The highest effective priority wins; a holder stays on a tie and where a better node does not preempt.
    """
    standing = [c for c in of if c.priority != FAULT]
    if not standing:
        return ""
    best = max(standing, key=lambda c: (c.priority, c.node == holder))
    stays = any(c.node == holder for c in standing) and best.nopreempt
    return holder if stays else best.node


def patience(of: Iterable[Candidate]) -> float:
    """The longest for which one of them waits for an advert before it makes itself master, in seconds."""
    return max((c.patience for c in of), default=0.0)


def settle_seconds(of: Iterable[Candidate]) -> float:
    """How long an election may take: a dead master is missed for 3 × advert_int + up to 1 s (RFC 5798)."""
    return 4 * max((c.advert_int for c in of), default=1.0) + 6


def drainable(document: Document | None) -> bool:
    """Does every instance follow lbctl's drain file? Then the node can be held out of the election."""
    if document is None:
        return False
    names = {file.name for file in track_files(document) if file.path == DRAIN_FILE}
    found = instances(document)
    return bool(found) and all(any(t.name in names for t in one.files) for one in found)
