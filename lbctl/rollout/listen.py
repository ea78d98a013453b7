"""Before a node's keepalived starts: do the holders' adverts arrive, and would it take them?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lbctl.errors import RemoteError
from lbctl.keepalived.advert import Advert, Awaited, awaited, heard, objections
from lbctl.model.command import command
from lbctl.planning.meaning import document
from lbctl.rollout import vrrp
from lbctl.rollout.run import Run

_OVER = 1.2  # of the longest advert_int: one advert at least is within it
_MORE = 10  # seconds for the command itself


@dataclass(frozen=True)
class _Ear:
    """An instance of the node, and the holders of its VIPs with all their addresses."""

    awaited: Awaited
    holders: tuple[str, ...]
    sources: frozenset[str]

    def of_router(self, advert: Advert) -> bool:
        """On its interface, for its virtual router? IPv4 and IPv6 number theirs apart."""
        one = self.awaited
        mine = (one.interface, one.virtual_router_id, one.family == 6)
        return (advert.interface, advert.virtual_router_id, ":" in advert.source) == mine

    def takes(self, advert: Advert) -> bool:
        """Is it one that keeps the instance a backup?"""
        known = self.of_router(advert) and advert.source in self.sources
        return known and not any(objections(self.awaited, advert))


def do(run: Run, node: str) -> str:
    """Raises RemoteError with what was heard instead. Nothing of keepalived's is touched here."""
    ears = list(_ears(run, node))
    if not ears:
        return "no other node holds a VIP: there is nobody to be heard"
    patience = max(ear.awaited.patience for ear in ears)
    seconds = max(ear.awaited.advert_int for ear in ears) * _OVER
    until = time.monotonic() + patience
    adverts: set[Advert] = set()
    while deaf := [ear for ear in ears if not any(map(ear.takes, adverts))]:
        if time.monotonic() > until:
            raise _unheard(node, deaf, adverts, patience)
        adverts.update(_listen(run, node, deaf, seconds))
    return "; ".join(f"{ear.awaited.instance} hears {', '.join(ear.holders)}" for ear in ears)


def _ears(run: Run, node: str) -> Iterator[_Ear]:
    """The instances whose VIPs another node holds now."""
    file = run.node(node).file_of("keepalived")
    wanted = document("keepalived", file.content) if file else None
    holders, _ = vrrp.look(run)
    for one in awaited(wanted) if wanted else ():
        names = sorted({name for vip in one.vips for name in holders.get(vip, ())} - {node})
        if names:
            addresses = (run.gathered[name].held for name in names)
            yield _Ear(one, tuple(names), frozenset().union(*addresses))


def _listen(run: Run, node: str, ears: Iterable[_Ear], seconds: float) -> Iterator[Advert]:
    places = sorted({ear.awaited.place for ear in ears})
    said = run.call(node, [command("hear_adverts", f"{seconds:.1f}", *places)], seconds + _MORE)
    return heard(said[0])


def _unheard(node: str, deaf: Sequence[_Ear], adverts: Iterable[Advert], seconds: float) -> RemoteError:
    lines = [line for ear in deaf for line in _lines(ear, adverts, seconds)]
    return RemoteError(
        node,
        "the others' adverts do not arrive: its keepalived would be a second master, and is not started",
        detail="\n".join(lines),
        mend=f"{_mend(deaf[0], adverts)}; then: lbctl apply",
    )


def _mend(ear: _Ear, adverts: Iterable[Advert]) -> str:
    if any(map(ear.of_router, adverts)):
        return "let version, advert_int, authentication and addresses be those of the other nodes"
    if any(advert.interface == ear.awaited.interface for advert in adverts):
        return "let virtual_router_id be that of the other nodes, and the interface be in their VLAN"
    if ear.awaited.unicast:
        return f"let IP protocol {ear.awaited.protocol} in, and name this node in the others' unicast_peer"
    return f"let IP protocol {ear.awaited.protocol} to {ear.awaited.group} in: firewall, VLAN, switch"


def _lines(ear: _Ear, adverts: Iterable[Advert], seconds: float) -> Iterator[str]:
    """What was listened for, and what came instead. Of secrets only that they differ."""
    one = ear.awaited
    router = f"VRID {one.virtual_router_id} from {', '.join(ear.holders)}"
    yield f"{one.instance}: listened for {router} on {one.interface} for {seconds:g} s"
    there = [advert for advert in adverts if advert.interface == one.interface]
    for said in sorted({_instead(ear, advert) for advert in there}):
        yield f"heard {said}"
    if not there:
        yield "heard no advert at all"


def _instead(ear: _Ear, advert: Advert) -> str:
    said = f"VRID {advert.virtual_router_id} from {advert.source}"
    if not ear.of_router(advert):
        return said
    why = list(objections(ear.awaited, advert))
    if advert.source not in ear.sources:
        why.insert(0, f"which is no address of {', '.join(ear.holders)}")
    return f"{said}: {'; '.join(why)}"
