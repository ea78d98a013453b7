"""Who holds the VIPs when nodes or their HAProxys are dead, as lines for a person.

Combinations that end alike are one line: `any` in a node's column = it does not matter. What is to be said of
an end stands below the table, under its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lbctl.model.election import (
    Difference,
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
from lbctl.views.cover import ANY, Cube, cover
from lbctl.views.line import Line, Part, columns, count, line, seconds, title, width

COLUMNS, WIDTH = 4, 100
"""Of more nodes than these, and where a table would be wider, the lines name those that matter."""

_STATES = {
    ANY: "any",
    frozenset({NodeState.ALIVE}): "alive",
    frozenset({NodeState.HAPROXY_DEAD}): "no haproxy",
    frozenset({NodeState.DEAD}): "dead",
    ANY - {NodeState.ALIVE}: "failed",
    ANY - {NodeState.DEAD}: "not dead",
    ANY - {NodeState.HAPROXY_DEAD}: "alive or dead",
}
_WHYS = {
    Why.TIE: "equal priorities: whichever is first",
    Why.CLOSE: "they wait almost equally long, and whichever is first keeps it",
    Why.RACE: "depends on which comes first: the check that fails, or the takeover",
    Why.SPLIT: "they do not hear each other",
    Why.UNSURE: "depends on what the check sees",
    Why.UNSETTLED: "it does not settle, or late: others take it for moments",
}
_STAYS = {
    Why.UNTRACKED: "no check that counts sees that",
    Why.NOPREEMPT: "nopreempt",
    Why.EQUAL: "equal priority, a check's weight is too small",
    Why.HIGHEST: "the highest priority still, a check's weight is too small",
}
_BAD = frozenset({Why.NOBODY, Why.SPLIT, Why.UNSETTLED})


@dataclass(frozen=True)
class Cells:
    """What a line says of an end: the holder, alone and with its remarks, and how long it takes at most."""

    holder: str
    words: str = ""
    style: str = ""
    took: str = ""

    @property
    def parts(self) -> tuple[Part, Part]:
        return (self.words, self.style), self.took


class _Remarks:
    """What is to be said below a table, numbered as it comes."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def mark(self, words: Iterable[str]) -> str:
        """The numbers to set beside a word."""
        found = [str(self.numbers.setdefault(one, len(self.numbers) + 1)) for one in words]
        return f" [{','.join(found)}]" if found else ""

    def lines(self) -> Iterator[Line]:
        for words, number in self.numbers.items():
            yield line(words, head=(f"  [{number}] ",))


def election_lines(cluster: str, table: ElectionTable) -> Iterator[Line]:
    """A table for the virtual routers that end alike, what could not be known, and how many combinations
    that were."""
    yield line((f"Election of cluster {cluster}", "bold"), f": {', '.join(table.nodes) or 'no node'}")
    for router, *others in _alike(table.routers):
        yield from title(_name([router, *others]))
        remarks = _Remarks()
        cells = {row.states: _cells(router, row.outcome, remarks) for row in router.rows}
        yield from _lines(table.nodes, cells, ())
        yield from remarks.lines()
    if table.notes:
        yield from title("Notes")
        yield from (line(note, head=("  ",)) for note in table.notes)
    yield line()
    yield line((_summary(table), "bold"))


def change_lines(change: ElectionChange) -> Iterator[Line]:
    """What an apply changes in it, before and after."""
    for one in differences(change):
        yield from title(f"Election of {', '.join(one.vips)}, before → after{_bound(one)}")
        routers = [side.router(one.vips[0]) for side in (change.before, change.after)]
        remarks = _Remarks()
        cells = {
            states: _moved(*(_cells(*each, remarks) for each in zip(routers, outcomes, strict=True)))
            for states, *outcomes in one.rows
        }
        yield from _lines(one.nodes, cells, one.alike)
        yield from remarks.lines()
    yield from (line(note) for note in change.after.notes if note not in change.before.notes)


def _alike(routers: Iterable[RouterTable]) -> Iterable[Sequence[RouterTable]]:
    """Those of which the same is to be said, together."""
    found: dict[object, list[RouterTable]] = {}
    for one in routers:
        found.setdefault((one.advert_int, one.normal, one.rows), []).append(one)
    return found.values()


def _name(routers: Sequence[RouterTable]) -> str:
    vips, names, groups = (
        ", ".join(dict.fromkeys(chain(*some)))
        for some in (
            (one.vips for one in routers),
            (one.instances for one in routers),
            (one.sync_groups for one in routers),
        )
    )
    group = f", sync group {groups}" if groups else ""
    return f"{vips} ({names}{group}, advert_int {routers[0].advert_int:g} s)"


def _lines(nodes: Sequence[str], cells: Mapping[States, Cells], beside: Sequence[States]) -> Iterator[Line]:
    """The combinations whose cells are the same, together, in the order in which they came; `beside` them are
    those of which nothing is said."""
    alike: dict[Cells, list[States]] = {}
    for states, words in cells.items():
        alike.setdefault(words, []).append(states)
    found = [
        (cube, words)
        for words, some in alike.items()
        for cube in cover(some, [*beside, *(one for one, other in cells.items() if other != words)])
    ]
    wide = [_head(*nodes, "holder", "at most"), *((*map(_state, cube), *one.parts) for cube, one in found)]
    narrow = [_head("holder", "at most", "when"), *((*one.parts, _when(nodes, cube)) for cube, one in found)]
    fits = len(nodes) <= COLUMNS and width(wide) <= WIDTH
    yield from columns(wide if fits else narrow)


def _head(*words: str) -> tuple[Part, ...]:
    return tuple((word, "dim") for word in words)


def _state(states: frozenset[NodeState]) -> Part:
    """One node's states as a word; what does not matter is faint."""
    return (_STATES[states], "dim") if states == ANY else _STATES[states]


def _when(nodes: Sequence[str], cube: Cube) -> str:
    words = [f"{node} {_STATES[one]}" for node, one in zip(nodes, cube, strict=True) if one != ANY]
    return ", ".join(words) or "always"


def _cells(router: RouterTable | None, outcome: Outcome | None, remarks: _Remarks) -> Cells:
    if router is None or outcome is None:
        return Cells("not there", "not there")
    bad = bool(outcome.idle) or not _BAD.isdisjoint(outcome.why)
    style = "bold red" if bad else "yellow" if len(outcome.ends) > 1 else ""
    holder = _ends(outcome.ends)
    words = f"{holder}{remarks.mark(_said(router, outcome))}"
    return Cells(holder, words, style, seconds(outcome.seconds) if outcome.seconds else "")


def _said(router: RouterTable, outcome: Outcome) -> Iterator[str]:
    if outcome.idle:
        stays = [_STAYS[why] for why in outcome.why if why in _STAYS] or ["another node has one"]
        yield f"{' and '.join(outcome.idle)} without HAProxy still: {'; '.join(stays)}"
    yield from (_WHYS[why] for why in outcome.why if why in _WHYS)
    if outcome.back != router.normal:
        yield f"with all back: {_ends(outcome.back)}"


def _ends(ends: Sequence[Holders]) -> str:
    """Who holds it, by each way in which it may end."""
    return " or ".join(" and ".join(holders) or "nobody" for holders in ends)


def _moved(before: Cells, after: Cells) -> Cells:
    """The cells of before and after, as one; what stays is there once."""
    held, holds = before.holder, after.holder
    words = after.words if before.words == held == holds else _arrow(before.words, after.words)
    return replace(after, holder=_arrow(held, holds), words=words, took=_arrow(before.took, after.took))


def _arrow(before: str, after: str) -> str:
    return after if before == after else f"{before or '–'} → {after or '–'}"


def _summary(table: ElectionTable) -> str:
    """How many combinations there are, and how many of them a person should look at."""
    rows = len(table.routers[0].rows) if table.routers else 0
    ill = {row.states for router in table.routers for row in router.rows if _doubtful(row.outcome)}
    end = "ends" if len(ill) == 1 else "end"
    said = f"; {len(ill)} {end} in doubt, with several holders, or with one without HAProxy" if ill else ""
    return (
        f"{count(rows, 'combination')}{_bound(table)}, {count(len(table.routers), 'virtual router')}{said}."
    )


def _doubtful(one: Outcome) -> bool:
    return bool(one.idle) or len(one.ends) > 1 or not {Why.SPLIT, Why.UNSETTLED}.isdisjoint(one.why)


def _bound(of: ElectionTable | Difference) -> str:
    """Of many nodes not every combination is worked out."""
    return f" with at most {count(of.failures, 'failure')}" if of.failures < len(of.nodes) else ""
