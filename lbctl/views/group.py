"""The same thing on several nodes, shown once."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lbctl.model.change import Action, Change, Difference
from lbctl.model.content import Content
from lbctl.model.plan import Plan
from lbctl.model.report import DriftItem
from lbctl.model.resource import Scalar
from lbctl.views.escape import shown_lines

DIGESTS = ("hmac:", "shown:")


@dataclass(frozen=True)
class ChangeGroup:
    """One change and the nodes that it is alike on."""

    change: Change
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class ItemGroup:
    """One finding of drift and the nodes that it is alike on."""

    item: DriftItem
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Count:
    """How many changes of a plan do what."""

    create: int
    change: int
    delete: int
    record: int
    restart: int
    upgrade: int
    retire: int


def grouped(changes: Iterable[Change], *, text: bool = False) -> tuple[ChangeGroup, ...]:
    """Changes that differ in nothing but their node, in the order of their first.

    With `text` their files as they may be shown do not differ either.
    """
    found: dict[Hashable, list[Change]] = {}
    for change in changes:
        found.setdefault(_key(change, text), []).append(change)
    return tuple(ChangeGroup(same[0], tuple(c.address.node for c in same)) for same in found.values())


def grouped_items(items: Iterable[DriftItem], details: Mapping[str, Sequence[str]]) -> tuple[ItemGroup, ...]:
    """Findings that differ in nothing but their node, in the order of their first.

    `details` are what the differences mean, by address: two files of unlike meaning are not alike.
    """
    found: dict[Hashable, list[DriftItem]] = {}
    for item in items:
        meant = tuple(details.get(item.address, ()))
        key = (item.what, _on_any_node(item), tuple(map(_undigested, item.differences)), item.text, meant)
        found.setdefault(key, []).append(item)
    return tuple(ItemGroup(same[0], tuple(i.node for i in same)) for same in found.values())


def thing(item: DriftItem) -> str:
    """What a finding is about, without its node."""
    return _on_any_node(item)


def is_digest(difference: Difference) -> bool:
    """Is it a file's content, which a reader sees better in its detail or text?"""
    return any(isinstance(v, str) and v.startswith(DIGESTS) for v in (difference.before, difference.after))


def scalar(value: Scalar) -> str:
    """A value as a reader expects it; a digest cut to what tells two apart."""
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"{text.split(':', 1)[1][:12]}…" if text.startswith(DIGESTS) else text or '""'


def counted(changes: Iterable[Change]) -> Count:
    """Each resource on each node counts once."""
    actions = [change.action for change in changes]
    recorded = sum(not action.touches for action in actions)
    create, delete = actions.count(Action.CREATE), actions.count(Action.DELETE)
    restart, upgrade = actions.count(Action.RESTART), actions.count(Action.UPGRADE)
    retire = actions.count(Action.RETIRE)
    change = len(actions) - create - delete - recorded - restart - upgrade - retire
    return Count(create, change, delete, recorded, restart, upgrade, retire)


def rollout_order(plan: Plan) -> tuple[str, ...]:
    """The nodes as the rollout touches them; where there are no steps, the nodes with changes."""
    walked = [s.node for s in plan.steps if not s.name.before_any_node_changes]
    return tuple(dict.fromkeys(walked or [change.address.node for change in plan.changes]))


def text_diff(change: Change) -> Sequence[str]:
    """The unified diff of a file as it may be shown; empty when the change carries no file."""
    before, after = _lines(change.before), _lines(change.after)
    return list(difflib.unified_diff(before, after, "live", "desired", lineterm=""))


def _lines(content: Content | None) -> list[str]:
    return shown_lines(content.shown) if content else []


def _key(change: Change, text: bool) -> Hashable:
    # A file's digest is keyed with the node's own key: never alike on two nodes
    alike = tuple(map(_undigested, change.differences))
    files = (_shown(change.before), _shown(change.after)) if text else ()
    head = (change.address.on_any_node, change.action, change.standing, change.scope, change.effects)
    return (*head, change.detail, change.note, alike, files)


def _shown(content: Content | None) -> bytes | None:
    return content.shown if content else None


def _undigested(difference: Difference) -> Hashable:
    if not is_digest(difference):
        return difference
    values = (difference.before, difference.after, difference.applied)
    return (difference.attribute, difference.standing, *(value is None for value in values))


def _on_any_node(item: DriftItem) -> str:
    return item.address.removeprefix(f"{item.node}/")
