"""Who owns a VIP: what follows from the nodes' keepalived documents and which of them are running."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lbctl.document import Document
from lbctl.keepalived.advert import Awaited, awaited
from lbctl.keepalived.election import (
    FAULT,
    accepts,
    effective_priority,
    master_down,
    preempt_delay,
    preempts,
)
from lbctl.keepalived.settings import DOWN_TIMER_ADVERTS
from lbctl.keepalived.views import (
    Instance,
    Script,
    SyncGroup,
    TrackFile,
    TrackProcess,
    instances,
    scripts,
    sync_groups,
    track_files,
    track_processes,
)

DRAIN_FILE = "/var/lib/lbctl/drain"
# measured: -254 would be FAULT; and a priority of 1 still leaves an owner if every node is drained
DRAINED = -253


@dataclass(frozen=True)
class Candidate:
    """One node's part in the election of one instance. `priority` is the effective one; `patience` is the
    longest for which it waits for an advert before it makes itself master, in seconds; `delay` is for how
    long it takes adverts of lower priority beside that. `group` is its sync group, "" = none.
    `down_timer_adverts` are waited for in vain."""

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
    down_timer_adverts: int = DOWN_TIMER_ADVERTS


@dataclass(frozen=True)
class Standing:
    """What a node's document says of its candidacies, read once."""

    node: str
    instances: tuple[Instance, ...]
    waits: Mapping[str, Awaited]
    scripts: tuple[Script, ...]
    files: tuple[TrackFile, ...]
    processes: tuple[TrackProcess, ...]
    groups: Mapping[str, SyncGroup]

    def candidates(
        self, drain: int = 0, failing: Collection[str] = (), ended: Collection[str] = ()
    ) -> tuple[Candidate, ...]:
        """The node's candidacies while its drain file says `drain`, the checks of these names fail, the
        tracked processes of those have ended, and all others are well."""
        contents = {file.name: drain for file in self.files if file.path == DRAIN_FILE}
        return tuple(self._candidate(one, contents, failing, ended) for one in self.instances)

    def _candidate(
        self, one: Instance, contents: Mapping[str, int], failing: Collection[str], ended: Collection[str]
    ) -> Candidate:
        waits = self.waits.get(one.name)
        priority = effective_priority(
            one,
            self.scripts,
            self.files,
            processes=self.processes,
            group=self.groups.get(one.sync_group),
            succeeding=dict.fromkeys(failing, False),
            running=dict.fromkeys(ended, False),
            contents=contents,
        )
        return Candidate(
            self.node,
            one.name,
            priority,
            not preempts(one),
            one.advert_int,
            waits.patience if waits else master_down(one.down_timer_adverts, one.advert_int, 2),
            tuple(vip.address for vip in one.vips),
            waits.version if waits else 2,
            preempt_delay(one),
            one.sync_group,
            one.down_timer_adverts,
        )


def standing(node: str, document: Document) -> Standing:
    return Standing(
        node,
        instances(document),
        {one.instance: one for one in awaited(document)},
        scripts(document),
        track_files(document),
        track_processes(document),
        {one.name: one for one in sync_groups(document)},
    )


def candidates(node: str, document: Document | None, *, drain: int = 0) -> tuple[Candidate, ...]:
    """The node's candidacies while its checks succeed and its drain file says `drain`."""
    return standing(node, document).candidates(drain) if document is not None else ()


def owner(of: Sequence[Candidate], holder: str) -> str:
    """The node that will hold the instance's VIPs, "" when none can; `holder` has them now ("" = nobody).

    The highest effective priority wins; a holder stays on a tie, and where no better node preempts.
    """
    able = [c for c in of if c.priority != FAULT]
    now = next((c for c in able if c.node == holder), None)
    while True:
        rivals = [
            c
            for c in able
            if c is not now and (now is None or not accepts(c.priority, c.nopreempt, now.priority))
        ]
        if not rivals:
            return now.node if now else ""
        now = max(rivals, key=lambda c: c.priority)


def patience(of: Iterable[Candidate]) -> float:
    """The longest for which one of them waits for an advert before it makes itself master, in seconds."""
    return max((c.patience for c in of), default=0.0)


def settle_seconds(of: Iterable[Candidate]) -> float:
    """How long an election may take: a dead master is missed for down_timer_adverts × advert_int + up to 1 s
    (RFC 5798: 3)."""
    return max(((c.down_timer_adverts + 1) * c.advert_int for c in of), default=4.0) + 6


def drainable(document: Document | None) -> bool:
    """Does every instance follow lbctl's drain file? Then the node can be held out of the election."""
    if document is None:
        return False
    names = {file.name for file in track_files(document) if file.path == DRAIN_FILE}
    found = instances(document)
    return bool(found) and all(any(t.name in names for t in one.files) for one in found)
