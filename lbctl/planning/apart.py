"""What was changed by hand in a daemon's file, and what the cluster file changes in it, told apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from lbctl.document import decode
from lbctl.model.change import Change, Standing
from lbctl.model.content import Content, scrubbed
from lbctl.model.plan import Apart
from lbctl.planning import semantic
from lbctl.planning.meaning import daemon_of, document
from lbctl.planning.threeway import together


def by_hand(change: Change) -> bool:
    """Is it a daemon's main file whose content is not as the last apply left it?"""
    content = any(one.attribute == "content" and one.standing.drifted for one in change.differences)
    return content and change.desired is not None and bool(daemon_of(change.address.name))


def apart(change: Change, applied: Content) -> Apart:
    """`applied` is the file as the last apply left it."""
    sides = [content for content in (applied, change.before, change.after) if content is not None]

    def told(content: Content | None) -> tuple[str, ...]:
        daemon = daemon_of(change.address.name)
        found = semantic.diff(document(daemon, applied), document(daemon, content))
        return tuple(scrubbed(str(one), sides) for one in found)

    return Apart(change.address, told(change.before), told(change.after))


def taken_in(change: Change, applied: Content) -> bool:
    """Has the cluster file all that was changed by hand, so that nothing of it would be undone?"""
    if change.before is None or change.after is None:
        return False
    was, live, desired = (decode(one.data).split("\n") for one in (applied, change.before, change.after))
    gone = {line for line in set(was).difference(live) if was.count(line) == 1}
    if not gone.isdisjoint(desired):
        return False  # wherever it would come back
    ahead = _changes(live, desired)
    for a1, a2, b1, b2 in _changes(was, live):
        lines = set(was[a1:a2])
        for c1, c2, d1, d2 in ahead:
            back = c1 <= b2 and b1 <= c2 and not lines.isdisjoint(desired[d1:d2])
            if back or (c1 < b2 and b1 < c2) or (c1 == c2 and b1 < c1 < b2):
                return False
    return True


def _changes(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int, int]]:
    found = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return [(a1, a2, b1, b2) for tag, a1, a2, b1, b2 in found if tag != "equal"]


def pending(change: Change) -> Change:
    """The same, where the cluster file has taken in what was changed by hand: the rest is its own."""
    differences = tuple(
        replace(one, standing=Standing.PENDING) if one.attribute == "content" else one
        for one in change.differences
    )
    return replace(change, differences=differences, standing=together(differences))
