"""Where the VIPs are now, and where VRRP will put them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from lbctl.document import Document
from lbctl.errors import RemoteError
from lbctl.host import facts as host
from lbctl.model.command import Probe
from lbctl.planning import election, join
from lbctl.planning.election import Candidate
from lbctl.planning.meaning import document
from lbctl.planning.order import vip_addresses
from lbctl.rollout.run import Run

_POLL = 0.2  # seconds
_BEGINS = 2.0  # seconds from the start of a keepalived until it waits for adverts, and for some looks
_LOOKS = 3
_HELD = Probe("addresses", "ip -o addr show")
_ACTIVE = Probe("keepalived", "systemctl is-active -q keepalived")

Holders = Mapping[str, frozenset[str]]
"""VIP address → the nodes that have it on an interface other than lo."""


def look(run: Run) -> tuple[Holders, frozenset[str]]:
    """Who holds each VIP, and where keepalived is active, on all nodes now."""
    vips = vip_addresses(run.cluster)
    names = list(run.gathered)
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        answers = dict(
            zip(names, pool.map(lambda n: run.transport.ask(n, [_HELD, _ACTIVE]), names), strict=True)
        )
    held = {name: host.held(answer) for name, answer in answers.items()}
    active = frozenset(n for n, a in answers.items() if "keepalived" in a and a["keepalived"].status == 0)
    return {vip: frozenset(n for n in names if vip in held[n]) for vip in sorted(vips)}, active


def wait(run: Run, good: Callable[[Holders], bool]) -> Holders | None:
    """Poll until `good`, at most as long as an election may take; None when it never was."""
    until = time.monotonic() + settle_seconds(run)
    while True:
        holders, _ = look(run)
        if good(holders):
            return holders
        if time.monotonic() > until:
            return None
        time.sleep(_POLL)


def calm(run: Run) -> None:
    """Wait until every VIP is where it is predicted to be, at most as long as an election may take."""
    until = time.monotonic() + settle_seconds(run)
    while complaints(run, *look(run)) and time.monotonic() < until:
        time.sleep(_POLL)


class _Beside:
    """Sees that a node which has just joined holds a VIP beside another: one does not hear the other."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._looks = 0

    def at(self, holders: Holders) -> None:
        """Raises RemoteError when it has been so for some looks: a move makes before it breaks."""
        twice = [vip for vip, held in holders.items() if self._node in held and len(held) > 1]
        self._looks = self._looks + 1 if twice else 0
        if self._looks >= _LOOKS:
            held = ", ".join(sorted(holders[twice[0]]))
            mend = "does VRRP pass both ways? IP protocol 112: firewall, VLAN, unicast_peer; then lbctl apply"
            raise RemoteError(self._node, f"VIP {twice[0]} has two holders: {held}", mend=mend)


def stands_back(run: Run, node: str) -> str:
    """Watch a node whose keepalived has just started for longer than it would wait for a master, and then as
    `settled`. Raises RemoteError at once when it is a second one.
    """
    beside = _Beside(node)
    until = time.monotonic() + election.patience(_candidates(run, frozenset({node}), run.drains)) + _BEGINS
    while time.monotonic() < until:
        holders, active = look(run)
        if not active - {node}:
            break  # the only one has nobody to be deaf to
        beside.at(holders)
        time.sleep(_POLL)
    return settled(run, node)


def settled(run: Run, node: str) -> str:
    """Wait until every VIP has one holder and it is the predicted one. Raises RemoteError with what is.

    Says who holds what.
    """
    beside = _Beside(node) if join.starts(run.changes[node]) else None
    until = time.monotonic() + settle_seconds(run)
    while True:
        holders, active = look(run)
        wrong = complaints(run, holders, active)
        if beside is not None:
            beside.at(holders)
        if not wrong:
            return "; ".join(f"{vip} on {', '.join(sorted(held))}" for vip, held in holders.items() if held)
        if time.monotonic() > until:
            raise RemoteError(node, "VRRP did not settle", detail="\n".join(wrong))
        time.sleep(_POLL)


def complaints(run: Run, holders: Holders, active: frozenset[str]) -> list[str]:
    """What is not as predicted; a VIP that no running keepalived stands for has nothing to be held by.

    A VIP that no node held at the beginning may be on one that is left out, of which nothing is known.
    """
    known = frozenset(vip for facts in run.gathered.values() for vip in facts.held)
    owners = owners_of(run, holders, active, run.drains)
    found = []
    for vip, held in holders.items():
        if run.cluster.excluded and vip not in known and not held:
            continue
        expected = {owners[vip]} - {""}
        if expected and held != expected:
            has, wants = (", ".join(sorted(names)) or "no node" for names in (held, expected))
            found.append(f"VIP {vip} is on {has} and should be on {wants}")
    return found


def owners_of(
    run: Run, holders: Holders, active: frozenset[str], drains: Mapping[str, int]
) -> dict[str, str]:
    """Who will have each VIP by VRRP's rules, "" = nobody, where these run, drained so far."""
    candidates = _candidates(run, active, drains)
    return {
        vip: election.owner([c for c in candidates if vip in c.vips], min(held, default=""))
        for vip, held in holders.items()
    }


def comes_back(run: Run, node: str, vip: str) -> bool:
    """Would the node take the VIP back from whoever has it after it, as soon as it takes part again?"""
    active = frozenset(name for name, facts in run.gathered.items() if facts.active("keepalived"))
    standing = [c for c in _candidates(run, active, run.drains) if vip in c.vips]
    taken = election.owner([c for c in standing if c.node != node], "")
    return election.owner(standing, taken) == node


def settle_seconds(run: Run) -> float:
    """How long an election among the nodes may take."""
    return election.settle_seconds(_candidates(run, frozenset(run.gathered), run.drains))


def _candidates(run: Run, active: frozenset[str], drains: Mapping[str, int]) -> list[Candidate]:
    """The nodes whose keepalived runs, each with the file that it has loaded by now."""
    return [
        candidate
        for name in active
        for candidate in election.candidates(name, loaded(run, name, "keepalived"), drain=drains[name])
    ]


def loaded(run: Run, name: str, daemon: str) -> Document | None:
    """The daemon's main file as it runs by it now."""
    if (name in run.done or name in run.under_way) and name not in run.awaiting:
        file = run.node(name).file_of(daemon)
        return document(daemon, file.content) if file else None
    return run.live_document(name, daemon)
