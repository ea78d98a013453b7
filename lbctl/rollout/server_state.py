"""What HAProxy knows of its servers goes on over a reload or restart: health, maint, drain, weight.

Without it every server counts as up until its first check (measured: 60 × 503 with one of three dead, 0 with
it), and whatever an operator took out is back. The dump is of the moment before, and gone when it was read.
"""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.document import Document
from lbctl.haproxy.additions import STATE_PATH
from lbctl.haproxy.health import differently_judged
from lbctl.haproxy.views import server_state_file, stats_socket
from lbctl.model.command import Command, command
from lbctl.planning.meaning import document
from lbctl.rollout.run import Run


def taken(verb: str, before: Document | None, after: Document | None) -> Command:
    """HAProxy takes its file, `after`, by a reload or restart; it runs by `before`."""
    if before is None or after is None or not _ours(after):
        return command(f"take_{verb}", "haproxy")
    changed = differently_judged(before, after)
    return command("take_with_servers", verb, _sockets(before, after), STATE_PATH, *changed)


def saved(run: Run, node: str) -> Iterator[Command]:
    """What the undo needs to do the same on the way back."""
    before, after = both(run, node)
    if before is not None and after is not None and _ours(before):
        changed = differently_judged(before, after)
        yield command("save_server_state", _sockets(before, after), STATE_PATH, *changed)


def both(run: Run, node: str) -> tuple[Document | None, Document | None]:
    """haproxy.cfg as it was when the node was read before its turn, and as it shall be."""
    file = run.node(node).file_of("haproxy")
    return run.live_document(node, "haproxy"), document("haproxy", file.content) if file else None


def _ours(found: Document) -> bool:
    """Somebody else's dump is kept by somebody else."""
    return server_state_file(found) == STATE_PATH


def _sockets(*documents: Document) -> str:
    """In one word: which of them answers depends on how far a change has come."""
    return " ".join(dict.fromkeys(path for one in documents if (path := stats_socket(one))))
