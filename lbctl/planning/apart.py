"""What was changed by hand in a daemon's file, and what the cluster file changes in it, told apart. Pure."""

from __future__ import annotations

from lbctl.model.change import Change
from lbctl.model.content import Content, scrubbed
from lbctl.model.plan import Apart
from lbctl.planning import semantic
from lbctl.planning.meaning import daemon_of, document


def by_hand(change: Change) -> bool:
    """Is it a daemon's main file whose content is not as the last apply left it?"""
    content = any(one.attribute == "content" and one.standing.drifted for one in change.differences)
    return content and change.desired is not None and bool(daemon_of(change.address.name))


def apart(change: Change, applied: Content | None) -> Apart:
    """`applied` is the file as the last apply left it."""
    sides = [content for content in (applied, change.before, change.after) if content is not None]

    def told(content: Content | None) -> tuple[str, ...]:
        daemon = daemon_of(change.address.name)
        found = semantic.diff(document(daemon, applied), document(daemon, content))
        return tuple(scrubbed(str(one), sides) for one in found)

    return Apart(change.address, told(change.before), told(change.after))
