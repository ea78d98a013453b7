"""A node leaves the cluster: no VIP comes to it any more, its connections end, and so do its daemons."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from lbctl.errors import RemoteError
from lbctl.gather import gather_node
from lbctl.model.command import Command, command
from lbctl.model.facts import Facts
from lbctl.model.owner import Owner
from lbctl.planning.order import vip_addresses
from lbctl.planning.retire import UNITS
from lbctl.rollout import verify, vrrp
from lbctl.rollout.run import Run

_CONNECTIONS_SECONDS = 30  # longer than the usual client's timeout, after which HAProxy ends an idle one
_MORE_SECONDS = 60
_SECONDS = 5.0
_POLL = 0.2


def do(run: Run, node: str) -> str:
    """Raises RemoteError when another node does not serve in its place, or when something of it goes on."""
    there = [unit for unit in UNITS if (found := run.gathered[node].daemon(unit)) and found.loaded]
    if "keepalived" in there:
        run.call(node, _ended("keepalived"))
    run.call(node, [command("set_drain", "0")])  # nothing reads it now, and it is not to wait for a later day
    run.drains[node] = 0
    said = [vrrp.settled(run, node), verify.answering(run, node, run.cluster.nodes[0].name)]
    _taken_over(run, node)
    if "haproxy" in there:
        said.append(_end_haproxy(run, node))
    _verify(run, node)
    return "; ".join(one for one in said if one)


def _taken_over(run: Run, node: str) -> None:
    """Raises RemoteError for a VIP that nobody has now. From here on the others count as they are now."""
    holders, _ = vrrp.look(run)
    known = frozenset(vip for facts in run.gathered.values() for vip in facts.held)
    for vip, names in holders.items():
        if vip in known and not names:
            raise RemoteError(
                node, f"no node that stays holds {vip}", mend="look at keepalived on the others"
            )
    for name, facts in run.gathered.items():
        now = {vip for vip, names in holders.items() if name in names}
        run.gathered[name] = replace(facts, held=(facts.held - holders.keys()) | now)


def _ended(unit: str) -> list[Command]:
    return [command("stop_service", unit), command("set_enabled", unit, "disable")]


def _end_haproxy(run: Run, node: str) -> str:
    """The wait has to leave the node time enough to be confirmed."""
    seconds = min(_CONNECTIONS_SECONDS, run.confirm_within // 3)
    commands = [command("end_connections", "haproxy", str(seconds)), *_ended("haproxy")]
    left = run.call(node, commands, seconds + _MORE_SECONDS)[0].strip()
    if left == "0":
        return "its connections have ended"
    return f"{left} connections were still open after {seconds} s, and were cut"


def _verify(run: Run, node: str) -> None:
    until = time.monotonic() + _SECONDS
    while wrong := list(complaints(gather_node(run.node(node), run.transport), vip_addresses(run.cluster))):
        if time.monotonic() > until:
            raise RemoteError(node, wrong[0], detail="\n".join(wrong[1:]))
        time.sleep(_POLL)


def complaints(now: Facts, vips: frozenset[str]) -> Iterator[str]:
    """What of a node that has left still goes on. Pure."""
    for vip in sorted(now.held & vips):
        yield f"it still holds {vip}"
    for daemon in now.daemons:
        if daemon.active:
            yield f"{daemon.unit} is still active"
        if daemon.enabled:
            yield f"{daemon.unit} would start at the next boot"


def record(run: Run, old: Owner) -> Owner:
    """It was ours, and what lbctl left there is still known should it come back: no longer its services."""
    kept = tuple(r for r in old.resources if r.address.kind != "service")
    return replace(old, plan=run.plan.id, serial=old.serial + 1, resources=kept, roster=None, retired=True)
