"""Servers that are about to go get no new sessions, and those that they have may end.

On all nodes, before the first is changed. Each stays drained until its node's own turn has changed the file.

Armed for that alone, for as long as lbctl is heard: should it die, they are ready again after the deadline.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from lbctl.haproxy import stats
from lbctl.host.facts import stats_probe
from lbctl.model.cluster import HAPROXY_CFG
from lbctl.model.command import Command, command
from lbctl.model.facts import ServerState
from lbctl.planning import servers
from lbctl.rollout.arm import install_undo
from lbctl.rollout.run import Run

_POLL = 0.5
_OUT = ("DOWN", "MAINT")  # what such a one has is not waited for
_SILENT = "its HAProxy does not answer on its stats socket"


def do(run: Run, node: str) -> str:
    """Says how they ended. Waits for `drain_timeout` seconds at most; Ctrl-C ends that.

    Raises NodeError, also when requests have failed for too long; the caller has what was done by then put
    back.
    """
    change = next(c for c in run.changes[node] if c.address.name == HAPROXY_CFG)
    socket, wanted = servers.socket(change), servers.going(change).drained
    there = _asked(run, node, socket)
    if there is None:
        return f"not drained: {_SILENT}"
    alone = _alone(there, wanted)
    names = [name for name in wanted if name.rpartition("/")[0] not in alone]
    said = [f"not drained, no other server is up: {', '.join(sorted(alone))}"] if alone else []
    if names:
        _drain(run, node, socket, names)
        said.insert(0, _ended(run, node, socket, names))
    return "; ".join(said)


def _alone(there: Sequence[ServerState], wanted: Sequence[str]) -> set[str]:
    """The backends that would answer 503 without these."""
    serving = {one.backend for one in there if one.up and f"{one.backend}/{one.server}" not in wanted}
    return {name.rpartition("/")[0] for name in wanted} - serving


def _drain(run: Run, node: str, socket: str, names: Sequence[str]) -> None:
    run.waiting.add(node)
    run.call(node, [command("make_base"), install_undo(), *_armed(run, node, run.confirm_within)])
    run.armed.add(node)
    run.call(node, [command("drain_servers", socket, *names)])


def arm_anew(run: Run, node: str, seconds: int) -> None:
    """They stay drained there for so long after this, should lbctl die."""
    run.call(node, _armed(run, node, seconds, run.transaction(node)))


def _armed(run: Run, node: str, seconds: int, *former: str) -> Iterator[Command]:
    yield command("txn_begin", run.transaction(node), *former)
    yield command("save_attended")
    yield command("arm", str(seconds))


def _ended(run: Run, node: str, socket: str, names: Sequence[str]) -> str:
    began = time.monotonic()
    while left := _sessions(run, node, socket, names):
        run.keep_budget(node)
        waited = time.monotonic() - began
        if waited > run.drain_timeout or run.interrupted():
            each = ", ".join(f"{number} of {backend}" for backend, number in sorted(left.items()))
            return f"{servers.named(names)}: after {waited:.0f} s still open: {each}"
        time.sleep(_POLL)
    return f"{servers.named(names)}: all sessions ended within {time.monotonic() - began:.1f} s"


def _sessions(run: Run, node: str, socket: str, names: Sequence[str]) -> Counter[str]:
    """By backend, how many are left."""
    found: Counter[str] = Counter()
    for one in _asked(run, node, socket) or ():
        waited_for = f"{one.backend}/{one.server}" in names and not one.status.startswith(_OUT)
        if waited_for and one.sessions:
            found[one.backend] += one.sessions
    return found


def _asked(run: Run, node: str, socket: str) -> Sequence[ServerState] | None:
    """What HAProxy says of its servers; None when it says nothing."""
    answer = run.transport.ask(node, [stats_probe(socket)]).get("stat")
    return stats.servers(answer.text) if answer is not None and answer.status == 0 else None
