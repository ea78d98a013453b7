"""Who owns a VIP: what follows from the nodes' keepalived documents and which of them are running."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lbctl.document import Document
from lbctl.keepalived.advert import awaited
from lbctl.keepalived.election import (
    FAULT,
    accepts,
    effective_priority,
    master_down,
    preempt_delay,
    preempts,
)
from lbctl.keepalived.views import instances, scripts, sync_groups, track_files, track_processes

DRAIN_FILE = "/var/lib/lbctl/drain"
# measured: -254 would be FAULT; and a priority of 1 still leaves an owner if every node is drained
DRAINED = -253


@dataclass(frozen=True)
class Candidate:
    """One node's part in the election of one instance. `priority` is the effective one; `patience` is the
    longest for which it waits for an advert before it makes itself master, in seconds; `delay` is for how
    long it takes adverts of lower priority beside that. `group` is its sync group, "" = none."""

    node: str
    instance: str
    priority: int
    nopreempt: bool
    advert_int: float
    patience: float
    vips: tuple[str, ...]
    version: int = 2
    delay: float = 0.0
    group: str = ""


def candidates(
    node: str,
    document: Document | None,
    *,
    drain: int = 0,
    failing: Collection[str] = (),
    ended: Collection[str] = (),
) -> tuple[Candidate, ...]:
    """The node's candidacies while its drain file says `drain`, the checks of these names fail, the tracked
    processes of those have ended, and all others are well."""
    if document is None:
        return ()
    waits = {one.instance: one for one in awaited(document)}
    checks, files, processes = scripts(document), track_files(document), track_processes(document)
    groups = {one.name: one for one in sync_groups(document)}
    contents = {file.name: drain for file in files if file.path == DRAIN_FILE}
    return tuple(
        Candidate(
            node,
            one.name,
            effective_priority(
                one,
                checks,
                files,
                processes=processes,
                group=groups.get(one.sync_group),
                succeeding=dict.fromkeys(failing, False),
                running=dict.fromkeys(ended, False),
                contents=contents,
            ),
            not preempts(one),
            one.advert_int,
            waits[one.name].patience if one.name in waits else master_down(one.advert_int, 2),
            tuple(vip.address for vip in one.vips),
            waits[one.name].version if one.name in waits else 2,
            preempt_delay(one),
            one.sync_group,
        )
        for one in instances(document)
    )


def owner(of: Sequence[Candidate], holder: str) -> str:
    """The node that will hold the instance's VIPs, "" when none can; `holder` has them now ("" = nobody).

    The highest effective priority wins; a holder stays on a tie, and where no better node preempts.
    """
    standing = [c for c in of if c.priority != FAULT]
    now = next((c for c in standing if c.node == holder), None)
    while True:
        rivals = [
            c
            for c in standing
            if c is not now and (now is None or not accepts(c.priority, c.nopreempt, now.priority))
        ]
        if not rivals:
            return now.node if now else ""
        now = max(rivals, key=lambda c: c.priority)


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
