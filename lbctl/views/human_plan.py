"""A plan as lines for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from lbctl.model.change import Action, Change, Difference, Standing
from lbctl.model.effect import Scope, merged
from lbctl.model.plan import Apart, NodeView, Plan, Role, Step
from lbctl.model.resource import Address
from lbctl.model.upgrade import Offer
from lbctl.views.group import ChangeGroup, counted, grouped, is_digest, rollout_order, scalar, text_diff
from lbctl.views.human_election import change_lines
from lbctl.views.human_lint import plan_finding_lines
from lbctl.views.line import Line, Part, columns, count, line, moved_version, names, problem_lines, title

STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.DELETE: "red",
    Action.RESTORE: "magenta",
    Action.RECORD: "dim",
    Action.FORGET: "dim",
    Action.RESTART: "yellow",
    Action.UPGRADE: "yellow",
    Action.RETIRE: "red",
}
DETAIL_STYLES = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
SIGN = re.compile(r"(?:^\s*|: )([+~-]) ")

NOBODY_KNOWS = "which of the lines above: nobody knows, what was applied last is not kept in this workspace"
_NO_EFFECT = "no daemon is reloaded or restarted"
UPGRADED = "Nothing to upgrade: every package is at its candidate."
REFUSED = "Nothing is upgraded: see the problems above."
UNSURE = "No changes, but not everything is as it should be: see the problems above."

SECTIONS = (
    ("Changes", (Standing.PENDING, Standing.BOTH)),
    ("Changed by hand since the last apply, would be undone", (Standing.DRIFT, Standing.BOTH)),
    ("Only recorded: live is as desired already", (Standing.RECORDED,)),
)


def plan_lines(plan: Plan, *, text: bool) -> Iterator[Line]:
    """Title, nodes, changes, impact, order, election, problems, and the summary as the last line."""
    yield line((f"Plan {plan.id}", "bold"), f" of cluster {plan.cluster}, made {plan.created}")
    yield line()
    yield from _nodes(plan.nodes)
    yield from _sections(plan, text)
    yield from _impacts(plan)
    yield from _steps(plan.steps)
    yield from change_lines(plan.election) if plan.election else ()
    yield from plan_finding_lines(plan.findings)
    if plan.problems:
        yield from title("Problems")
        yield from problem_lines(plan.problems, allow=True)
    yield line()
    yield line((summary(plan), "bold"))


def _sections(plan: Plan, text: bool) -> Iterator[Line]:
    """The changes by whose they are, each that is alike on several nodes once; no empty section."""
    apart = {one.address: one for one in plan.apart}
    for words, standings in SECTIONS:
        found = [change for change in plan.changes if change.standing in standings]
        if found:
            yield from title(words)
        first = Standing.PENDING in standings
        for group in grouped((_told(change, apart, own=first) for change in found), text=text):
            again = group.change.standing is Standing.BOTH and not first
            yield from _head(group)
            yield from _again(group.change, apart) if again else _body(group.change, text)


def summary(plan: Plan) -> str:
    """The plan in one line: how much of what, and the nodes in the order of the rollout."""
    if plan.empty and any(view.offers for view in plan.nodes):
        return UPGRADED if not plan.refused(()) else REFUSED
    if plan.empty:
        sure = all(p.level == "warning" and p.code != "unfinished" for p in plan.problems)
        return f"No changes. Cluster {plan.cluster} is as its file says." if sure else UNSURE
    number = counted(plan.changes)
    if not plan.touches:
        return f"No changes: every node is as the file says. {number.record} to record."
    if number.restart:
        return f"Plan: {count(number.restart, 'restart')}. {_order(plan)}"
    if number.upgrade:
        return f"Plan: {count(number.upgrade, 'upgrade')}. {_order(plan)}"
    amounts = f"{number.create} to create, {number.change} to change, {number.delete} to delete"
    recorded = f", {number.record} to record" if number.record else ""
    retired = f", {count(number.retire, 'node')} to retire" if number.retire else ""
    return f"Plan: {amounts}{recorded}{retired}. {_order(plan)}"


def _order(plan: Plan) -> str:
    order = rollout_order(plan)
    masters = {view.node for view in plan.nodes if view.role is Role.MASTER}
    if len(order) > 8:
        last = [node for node in order if node in masters]
        return f"{len(order)} nodes" + (f", last {names(last)} (MASTER)." if last else ".")
    named = [f"{node} (MASTER)" if node in masters else node for node in order]
    head = f"{', '.join(named[:-1])}, then " if len(named) > 1 else ""
    return f"{count(len(named), 'node')}: {head}{named[-1]}."


def _nodes(nodes: Sequence[NodeView]) -> Iterator[Line]:
    packages = tuple(dict.fromkeys(one.package for view in nodes for one in view.offers))
    head = ("node", "role", "serial", "holds", *packages)
    rows: list[tuple[Part, ...]] = [tuple((word, "dim") for word in head)]
    for view in nodes:
        role = (str(view.role), "bold" if view.role is Role.MASTER else "")
        node: Part = (f"{view.node} (to be retired)", "red") if view.retired else view.node
        serial = str(view.serial) if view.serial else "new"
        offers = {one.package: one for one in view.offers}
        rows.append(
            (node, role, serial, ", ".join(view.holds), *(_offered(offers.get(name)) for name in packages))
        )
    return columns(rows)


def _offered(offer: Offer | None) -> Part:
    """A package's version, and its candidate where that is another one."""
    if offer is None:
        return ""
    return moved_version(offer.installed, offer.candidate)


def _head(group: ChangeGroup) -> Iterator[Line]:
    change = group.change
    style = STYLES[change.action]
    effects = ", ".join(map(str, merged(change.effects)))
    together = "; VRRP peers compare it" if change.scope is Scope.CLUSTER else ""
    head: tuple[Part, ...] = ("  ", (change.action.value, f"bold {style}"), " ")
    on: Part = (f"  {names(group.nodes)}", "cyan")
    meant: Part = (_meant(change, effects, together), "dim")
    yield line((change.address.on_any_node, style), on, meant, head=head, hang=2)


def _told(change: Change, apart: Mapping[Address, Apart], *, own: bool) -> Change:
    """The change with the words of one side alone, where the two can be told apart."""
    found = apart.get(change.address)
    return replace(change, detail=found.own if own else found.by_hand) if found else change


def _again(change: Change, apart: Mapping[Address, Apart]) -> Iterator[Line]:
    """Of what stands among the changes already, only what was changed by hand."""
    drifted = [difference for difference in change.differences if difference.standing.drifted]
    if change.address in apart:
        yield from map(detail_line, change.detail)
    elif change.detail and any(map(is_digest, drifted)):
        yield line((NOBODY_KNOWS, "dim"), head=("      ",))
    yield from (difference_line(one, change) for one in _rows(change) if one.standing.drifted)


def _body(change: Change, text: bool) -> Iterator[Line]:
    for words in change.detail:
        yield detail_line(words)
    for difference in _rows(change):
        yield difference_line(difference, change)
    if change.note:
        yield line((f"note: {change.note}", "italic"), head=("      ",))
    if text:
        yield from diff_lines(change)


def _meant(change: Change, effects: str, together: str) -> str:
    does = "" if change.action is Action.RESTART else str(change.action)  # its effect says so already
    return f"  ({', '.join(filter(None, (does, effects)))}{together})"


def _rows(change: Change) -> Iterator[Difference]:
    """What is only recorded stays as it is; a digest says nothing beside the configuration's own words."""
    if change.standing is Standing.RECORDED:
        return
    for difference in change.differences:
        if not (is_digest(difference) and (change.detail or change.action is Action.CREATE)):
            yield difference


def detail_line(words: str) -> Line:
    """A line in the configuration's own words, coloured by its first sign."""
    found = SIGN.search(words)
    style = DETAIL_STYLES[found.group(1)] if found else ""
    return line((words, style), head=("      ",), hang=4)


def difference_line(difference: Difference, change: Change) -> Line:
    """One attribute, live before and desired after; of something new the value alone."""
    before, after = scalar(difference.before), scalar(difference.after)
    moved: tuple[Part, ...] = ((after, "green"),)
    if change.action is not Action.CREATE and difference.before != difference.after:
        moved = ((before, "red"), " → ", (after, "green") if difference.after is not None else "removed")
    by_hand = change.standing is Standing.DRIFT or difference.standing.drifted
    applied = f"  (the last apply left {scalar(difference.applied)})" if by_hand else ""
    return line(*moved, (applied, "dim"), head=("      ", f"{difference.attribute}: "))


def diff_lines(change: Change) -> Iterator[Line]:
    """The unified diff of the bytes as they may be shown."""
    carries_file = change.before or change.after
    if not carries_file and any(map(is_digest, change.differences)):
        yield line(("no text: a saved plan keeps no file's content", "dim"), head=("      ",))
    for words in text_diff(change):
        yield line((words, DETAIL_STYLES.get(words[:1], "")), head=("      ",), wrap=False)


def _impacts(plan: Plan) -> Iterator[Line]:
    """What each node's daemons go through, nodes alike on one line."""
    rows: dict[str, list[str]] = {}
    for node in rollout_order(plan):
        effects = merged(effect for change in plan.of(node) for effect in change.effects)
        ends = any(change.action is Action.RETIRE for change in plan.of(node))
        words = ", ".join(map(str, effects)) or _NO_EFFECT
        rows.setdefault("stop keepalived, stop haproxy" if ends else words, []).append(node)
    if rows:
        yield from title("Impact")
        yield from columns([(names(nodes), words) for words, nodes in rows.items()])


def _steps(steps: Sequence[Step]) -> Iterator[Line]:
    """Numbered as apply numbers them. A node whose steps are those of the one before is one line."""
    if not steps:
        return
    yield from title("Steps, in this order")
    rows: list[tuple[Part, ...]] = []
    number = 1
    for first, others in _turns(steps):
        together = others if len(first) == 1 else []
        rows += _in_full(number, first, [turn[0].node for turn in (first, *together)])
        number += len(first) + len(together)
        again = others[len(together) :]
        if again:
            count = len(again) * len(first)
            nodes = names([turn[0].node for turn in again])
            rows.append((_numbers(number, count), (nodes, "cyan"), "", _same_as(first, again)))
            number += count
    yield from columns(rows)


def _turns(steps: Sequence[Step]) -> Iterator[tuple[list[Step], list[list[Step]]]]:
    """A node's steps, and those of the nodes right after it that are the same.

    Of those that are walked on all nodes at once each is one of its own.
    """
    runs = groupby(
        steps,
        key=lambda step: (
            step.node,
            step.name.before_any_node_changes,
            step.name if step.together else None,
        ),
    )
    turns = [list(run) for _, run in runs]
    for _, run in groupby(turns, key=lambda turn: [(step.name, step.text) for step in turn]):
        first, *others = run
        yield first, others


def _in_full(number: int, turn: Sequence[Step], nodes: Sequence[str]) -> list[tuple[Part, ...]]:
    """A row a step; the nodes stand on the first."""
    return [
        (
            _numbers(number + position, len(nodes)),
            ("" if position else names(nodes), "cyan"),
            (str(step.name), "bold"),
            step.text,
        )
        for position, step in enumerate(turn)
    ]


def _numbers(first: int, count: int) -> str:
    return f"{first if count == 1 else f'{first}-{first + count - 1}':>5}"


def _same_as(first: Sequence[Step], again: Sequence[Sequence[Step]]) -> str:
    after = ", one node after the other" if len(again) > 1 else ""
    return f"the same {len(first)} steps as {first[0].node}{after}"
