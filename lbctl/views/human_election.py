"""Who holds the VIPs when nodes or their HAProxys are dead, as lines for a person.

Combinations that end alike are one line: `any` in a node's column = it does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.model.election import (
    ElectionChange,
    ElectionTable,
    Holders,
    NodeState,
    Outcome,
    RouterTable,
    States,
    Why,
)
from lbctl.planning.elections.change import differences
from lbctl.views.line import Line, Part, columns, count, line, seconds, title

COLUMNS = 4
"""Of more nodes than these the lines name those that are not alive."""

_STATES = {NodeState.ALIVE: "alive", NodeState.HAPROXY_DEAD: "no haproxy", NodeState.DEAD: "dead"}
_WHYS = {
    Why.TIE: "equal priorities: whichever is first",
    Why.RACE: "depends on which comes first: the check that fails, or the takeover",
    Why.SPLIT: "they do not hear each other",
    Why.NOBODY: "",
    Why.UNTRACKED: "no check that counts sees its HAProxy",
    Why.UNSURE: "depends on what the check sees",
    Why.NOPREEMPT: "it stays: nopreempt",
    Why.EQUAL: "it stays: equal priority, a check's weight is too small",
    Why.HIGHEST: "it stays: the highest priority still, a check's weight is too small",
    Why.UNSETTLED: "it does not settle",
}
_BAD = frozenset({Why.NOBODY, Why.SPLIT, Why.UNSETTLED})

Cube = tuple[frozenset[NodeState], ...]
"""Of each node the states that are meant."""
Cells = tuple[Part, ...]
"""Holder, how long it takes at most, and why."""


def election_lines(cluster: str, table: ElectionTable) -> Iterator[Line]:
    """A table for every virtual router, what could not be known, and how many combinations that were."""
    yield line((f"Election of cluster {cluster}", "bold"), f": {', '.join(table.nodes) or 'no node'}")
    for router in table.routers:
        yield from title(_name(router))
        cells = {row.states: _cells(router, row.outcome) for row in router.rows}
        yield from _lines(table.nodes, ("holder", "at most", ""), cells)
    if table.notes:
        yield from title("Notes")
        yield from (line(note, head=("  ",)) for note in table.notes)
    yield line()
    yield line((_summary(table), "bold"))


def change_lines(change: ElectionChange) -> Iterator[Line]:
    """What an apply changes in it, before and after."""
    for one in differences(change):
        yield from title(f"Election of {', '.join(one.vips)}, before → after")
        routers = [side.router(one.vips[0]) for side in (change.before, change.after)]
        cells = {
            states: _moved(*(_cells(*each) for each in zip(routers, outcomes, strict=True)))
            for states, *outcomes in one.rows
        }
        yield from _lines(one.nodes, ("holder", "at most", ""), cells)


def cubes(found: Sequence[States]) -> tuple[Cube, ...]:
    """The same combinations in fewer words: those that differ in one node's state alone are put together."""
    merged = [tuple(frozenset({state}) for state in states) for states in found]
    for place in reversed(range(len(merged[0]) if merged else 0)):
        others: dict[tuple[Cube, Cube], frozenset[NodeState]] = {}
        for cube in merged:
            rest = cube[:place], cube[place + 1 :]
            others[rest] = others.get(rest, frozenset()) | cube[place]
        merged = [(*before, states, *after) for (before, after), states in others.items()]
    return tuple(merged)


def _name(router: RouterTable) -> str:
    group = f", sync group {', '.join(router.sync_groups)}" if router.sync_groups else ""
    names = ", ".join(router.instances)
    return f"{', '.join(router.vips)} ({names}{group}, advert_int {router.advert_int:g} s)"


def _lines(nodes: Sequence[str], head: Sequence[str], cells: Mapping[States, Cells]) -> Iterator[Line]:
    """The combinations whose cells are the same, together, in the order in which they came."""
    alike: dict[Cells, list[States]] = {}
    for states, words in cells.items():
        alike.setdefault(words, []).append(states)
    found = [(cube, words) for words, some in alike.items() for cube in cubes(some)]
    wide = len(nodes) <= COLUMNS
    names = nodes if wide else ("not alive",)
    rows: list[tuple[Part, ...]] = [tuple((word, "dim") for word in (*names, *head))]
    for cube, words in found:
        rows.append((*(_state(one) for one in cube), *words) if wide else (_failed(nodes, cube), *words))
    yield from columns(rows)


def _state(states: frozenset[NodeState]) -> Part:
    """One node's states as a word; what does not matter is faint."""
    if len(states) == len(NodeState):
        return "any", "dim"
    return " or ".join(_STATES[one] for one in NodeState if one in states)


def _failed(nodes: Sequence[str], cube: Cube) -> str:
    alive = frozenset({NodeState.ALIVE})
    words = {
        node: " or ".join(_STATES[one] for one in NodeState if one in states)
        for node, states in zip(nodes, cube, strict=True)
        if states != alive
    }
    return "; ".join(f"{node} {states}" for node, states in words.items()) or "none"


def _cells(router: RouterTable | None, outcome: Outcome | None) -> Cells:
    if router is None or outcome is None:
        return "not there", "", ""
    bad = bool(outcome.idle) or not _BAD.isdisjoint(outcome.why)
    style = "bold red" if bad else "yellow" if len(outcome.ends) > 1 else ""
    words = [_WHYS[why] for why in outcome.why if _WHYS[why]]
    if outcome.back != router.normal:
        words.append(f"with all back: {_ends(outcome.back, ())}")
    took = seconds(outcome.seconds) if outcome.seconds else ""
    return (_ends(outcome.ends, outcome.idle), style), took, "; ".join(words)


def _ends(ends: Sequence[Holders], idle: Holders) -> str:
    """Who holds it, by each way in which it may end."""
    return " or ".join(" and ".join(_holder(one, idle) for one in holders) or "nobody" for holders in ends)


def _holder(node: str, idle: Holders) -> str:
    return f"{node} without haproxy" if node in idle else node


def _moved(before: Cells, after: Cells) -> Cells:
    """The cells of before and after, as one; what stays is there once."""
    found = []
    for one, other in zip(before, after, strict=True):
        words = [part if isinstance(part, str) else part[0] for part in (one, other)]
        style = "" if isinstance(other, str) else other[1]
        same = words[0] == words[1]
        found.append((words[1] if same else f"{words[0] or '–'} → {words[1] or '–'}", style))
    return (*found[:2], after[2])


def _summary(table: ElectionTable) -> str:
    outcomes = [row.outcome for router in table.routers for row in router.rows]
    bound = f" with at most {count(table.failures, 'failure')}" if table.failures < len(table.nodes) else ""
    rows = len(table.routers[0].rows) if table.routers else 0
    doubtful = sum(bool(one.idle) or len(one.ends) > 1 or Why.SPLIT in one.why for one in outcomes)
    said = f"; {doubtful} end with a tie, a split, or a holder without HAProxy" if doubtful else ""
    return f"{count(rows, 'combination')}{bound}, {count(len(table.routers), 'virtual router')}{said}."
