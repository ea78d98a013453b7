"""Changes that all running keepalived take at one instant, and the virtual routers that are new after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lbctl.keepalived.views import Instance, instances
from lbctl.model.change import Change
from lbctl.model.effect import Impact, Scope
from lbctl.model.facts import Facts
from lbctl.planning import election
from lbctl.planning.meaning import document


def taken_at_one_instant(gathered: Mapping[str, Facts], changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those of the changes of cluster scope that go together.

    None where a running node is as they will be already: the nodes do not hear each other now, and each one
    that changes joins those that are right.
    """
    shared = tuple(change for change in changes if change.scope is Scope.CLUSTER)
    running = {name for name, facts in gathered.items() if facts.active("keepalived")}
    return shared if running == {change.address.node for change in shared} else ()


CLEAR = 26
"""Of two priorities so far apart the higher one's timer runs out 0.1 s earlier (a 256th of a second each):
more than the nodes' instants differ by."""


@dataclass(frozen=True)
class Renewed:
    """A VIP whose virtual router is another one afterwards: keepalived drops it, and elects anew.

    `instances` are its names before and after. Measured with 2.2.7, and so written in its vrrp_exist(): an
    instance lives on over a reload where virtual_router_id, family, interface, unicast or not, and the source
    of unicast adverts stay. One that does not is in BACKUP until its master-down timer runs out.
    """

    address: str
    prefix: int
    instances: tuple[str, ...]


def renewed(change: Change) -> tuple[Renewed, ...]:
    """The VIPs of keepalived's file that stay on their interface while their virtual router does not."""
    before, after = _sides(change)
    kept = set() if change.impact is Impact.RESTART else {_router(one) for one in after}
    new = {place: one.name for one in after for place in _places(one)}
    return tuple(
        Renewed(address, prefix, tuple(dict.fromkeys((one.name, new[address, prefix, dev]))))
        for one in before
        for address, prefix, dev in _places(one)
        if _router(one) not in kept and (address, prefix, dev) in new
    )


def election_seconds(change: Change) -> float:
    """How long an election among new virtual routers may take, there or back: the adverts and a skew.

    Half a second more, and one for the daemons' own work. 0 = nothing is elected anew.
    """
    if not renewed(change):
        return 0.0
    before, after = _sides(change)
    waits = ((one.down_timer_adverts + 1) * one.advert_int for one in (*before, *after))
    return max(waits, default=4.0) + 1.5


def unsafe(gathered: Mapping[str, Facts], shared: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """Node and reason where another node may win the election among new virtual routers, or nearly.

    The holder goes on answering for its VIP until it has won it. Others are held out of the election by the
    drain file, where there is one and they hold no such VIP themselves.
    """
    found = {c.address.node: _renewed_here(gathered[c.address.node], c) for c in shared}
    standing = [
        one
        for c in shared
        for one in election.candidates(c.address.node, document("keepalived", c.after))
        if found[c.address.node] or not election.drainable(document("keepalived", c.after))
    ]
    for node, held in found.items():
        for vip in held:
            rivals = [c for c in standing if vip in c.vips]
            mine = max((c.priority for c in rivals if c.node == node), default=0)
            near = sorted({c.node for c in rivals if c.node != node and c.priority > mine - CLEAR})
            if near:
                yield node, f"holds {vip}, which is elected anew; {', '.join(near)} may win it for a moment"


def _renewed_here(facts: Facts, change: Change) -> list[str]:
    return [vip.address for vip in renewed(change) if vip.address in facts.held]


def _sides(change: Change) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
    """The instances of keepalived's file, before and after."""
    documents = (document("keepalived", content) for content in (change.before, change.after))
    before, after = (instances(one) if one else () for one in documents)
    return before, after


def _router(one: Instance) -> tuple[object, ...]:
    family = 6 if any(":" in vip.address for vip in one.vips if not vip.excluded) else 4
    return one.virtual_router_id, family, one.interface, bool(one.peers), one.unicast_source


def _places(one: Instance) -> list[tuple[str, int, str]]:
    return [(vip.address, vip.prefix, vip.dev or one.interface) for vip in one.vips]
