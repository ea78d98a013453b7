"""Servers that somebody took out, or weighed otherwise, while HAProxy runs: live's third layer. Pure.

Never what a server's health, an agent, another server or the file itself makes of it, nor what an apply of
lbctl's drains for its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lbctl.document import Document
from lbctl.haproxy.views import servers
from lbctl.model.facts import Facts
from lbctl.model.layers import SetByHand
from lbctl.model.report import DIFFERS, OPERATIONAL, DriftItem
from lbctl.model.resource import Address
from lbctl.planning.layers.unloaded import apart
from lbctl.planning.meaning import live_document

Place = tuple[str, str, str]
"""Server, state in HAProxy's words, backend."""


def findings(gathered: Mapping[str, Facts]) -> Iterator[DriftItem]:
    """By node, server and state: on all nodes that could be asked, or a difference between them."""
    found = {name: set(_set(facts)) for name, facts in gathered.items() if _asked(facts)}
    for name, mine in found.items():
        without: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        for server, state, backend in sorted(mine):
            lacking = tuple(
                other for other, theirs in found.items() if (server, state, backend) not in theirs
            )
            without.setdefault((server, state, lacking), []).append(f"{backend}/{server}")
        for (server, state, lacking), places in without.items():
            only = f"; not so on {', '.join(lacking)}" if lacking else ""
            text = f"{state}, set at run time: {', '.join(places)}{only}"
            what = DIFFERS if lacking else OPERATIONAL
            yield DriftItem(name, what, str(Address(name, "server", server)), text=text)


def _asked(facts: Facts) -> bool:
    return facts.layers is not None and facts.layers.servers is not None and not facts.armed


def _set(facts: Facts) -> Iterator[Place]:
    file = live_document(facts, "haproxy")
    off = {(one.proxy, one.name) for one in servers(file) if one.disabled} if file else set()
    weighed = _with_agents(file) if file else set()
    added = set(apart(file, {(s.backend, s.server) for s in facts.servers or ()})[1]) if file else set()
    for one in (facts.layers.servers if facts.layers else None) or ():
        if f"{one.backend}/{one.server}" in added:  # which is said already, and begins in MAINT
            continue
        for state in _states(one, disabled=(one.backend, one.server) in off, agent=one.backend in weighed):
            yield one.server, state, one.backend


def _states(one: SetByHand, *, disabled: bool, agent: bool) -> Iterator[str]:
    if one.maint and not disabled:
        yield "MAINT"
    if one.drain:
        yield "DRAIN"
    if one.weight != one.initial and not agent:
        yield f"weight {one.weight} where the file says {one.initial}"


def _with_agents(document: Document) -> set[str]:
    """The proxies whose servers' weights an agent may set; those of any `defaults` count for all."""
    sections = [one for one in document.statements if one.block]
    asking = [
        one
        for one in sections
        if any("agent-check" in line.words for line in one.children if line.keyword.endswith("server"))
    ]
    if any(one.keyword == "defaults" for one in asking):
        return {one.name for one in sections}
    return {one.name for one in asking}
