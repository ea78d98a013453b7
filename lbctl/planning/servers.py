"""Servers that a change takes out of haproxy.cfg, or gives another address: they are drained first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lbctl.errors import Problem
from lbctl.haproxy.views import servers, stats_socket
from lbctl.model.change import Change
from lbctl.model.cluster import HAPROXY_CFG
from lbctl.model.facts import Facts
from lbctl.model.plan import Step, StepName
from lbctl.planning.meaning import document

_SOCKET = "its HAProxy has no stats socket of level admin", "stats-socket in additions: adds one"
_SOCAT = "socat is missing", "packages: [socat] in the cluster file installs it"


@dataclass(frozen=True)
class Going:
    """`drained` are servers (BACKEND/SERVER) of backends that keep others. `whole` are backends that stay,
    and all of whose servers go at once: drained, they would answer 503 for as long as it lasts.
    """

    drained: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


def going(change: Change) -> Going:
    """What goes with a change of haproxy.cfg."""
    before, after = (document("haproxy", content) for content in (change.before, change.after))
    if change.address.name != HAPROXY_CFG or before is None or after is None:
        return Going()
    new = {(s.proxy, s.name): (s.address, s.port) for s in servers(after)}
    left = {s.proxy for s in servers(after)}
    standing = [s for s in servers(before) if not s.disabled]
    gone = [s for s in standing if new.get((s.proxy, s.name)) != (s.address, s.port)]
    kept = {s.proxy for s in standing if s not in gone}
    return Going(
        tuple(f"{s.proxy}/{s.name}" for s in gone if s.proxy in kept),
        tuple(dict.fromkeys(s.proxy for s in gone if s.proxy in left - kept)),
    )


def socket(change: Change) -> str:
    """The running HAProxy's socket of level admin; "" without one."""
    before = document("haproxy", change.before)
    return (before and stats_socket(before)) or ""


def steps(gathered: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Step]:
    """A step for each node whose HAProxy can be told to."""
    for change in _taken(gathered, changes):
        drained = going(change).drained
        if drained and not _obstacle(gathered[change.address.node], change):
            text = f"{named(drained)}: no new sessions; what is open may end first, here and on all nodes"
            yield Step(StepName.DRAIN_SERVERS, change.address.node, text)


def undrained(gathered: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Problem]:
    """A warning for what goes without that, and why; the same on several nodes once."""
    found: dict[tuple[str, str], list[str]] = {}
    for change in _taken(gathered, changes):
        for one in _costs(gathered[change.address.node], change):
            found.setdefault(one, []).append(change.address.node)
    for (text, mend), nodes in found.items():
        yield Problem(f"{', '.join(nodes)}: {text}", mend=mend, level="warning", code="not-drained")


def named(names: Sequence[str]) -> str:
    """Servers of many backends by their name and the number of these."""
    backends = Counter(name.rpartition("/")[2] for name in names)
    each = {name.rpartition("/")[2]: name for name in names}
    return ", ".join(each[s] if n == 1 else f"{s} of {n} backends" for s, n in backends.items())


def _taken(gathered: Mapping[str, Facts], changes: Sequence[Change]) -> Iterator[Change]:
    """The changes of haproxy.cfg that a running HAProxy takes."""
    for change in changes:
        node = change.address.node
        if change.address.name == HAPROXY_CFG and change.effects and gathered[node].active("haproxy"):
            yield change


def _obstacle(facts: Facts, change: Change) -> tuple[str, str] | None:
    """Why nothing can be told to its HAProxy at run time, and the mend."""
    if not socket(change):
        return _SOCKET
    return None if "socat" in facts.tools else _SOCAT


def _costs(facts: Facts, change: Change) -> Iterator[tuple[str, str]]:
    found = going(change)
    why = _obstacle(facts, change) if found.drained else None
    if why:
        yield f"{named(found.drained)} is not drained before it goes, because {why[0]}", why[1]
    if found.whole:
        text = f"all servers of {', '.join(found.whole)} go at once, so none is drained before"
        yield text, "in two applies, the new ones first, those that go are drained"
