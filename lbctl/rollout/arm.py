"""The node's fingerprint again, and everything that the undo needs, armed by one rename."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

from lbctl.errors import RemoteError
from lbctl.gather import gather_node
from lbctl.model.command import Command, command
from lbctl.model.effect import Scope
from lbctl.model.facts import Facts
from lbctl.planning.fingerprint import fingerprint
from lbctl.planning.instant import election_seconds, renewed
from lbctl.planning.order import vip_addresses
from lbctl.rollout.run import UNITS, Run
from lbctl.rollout.undo import differences, not_serving


def do(run: Run, node: str) -> str:
    """Raises RemoteError when the node has changed since it was read, before anything is touched."""
    if run.unit is not None and node in run.done:
        _look_again(run, node)
    vips = vip_addresses(run.cluster)
    now = gather_node(run.node(node), run.transport)
    planned = run.gathered[node]
    if planned.owner is None and now.owner is None:
        pass  # without a key of its own its digests differ by run; the swap compares bytes
    elif fingerprint(replace(now, held=now.held | planned.held & vips), vips) != fingerprint(planned, vips):
        # a VIP that has left is one less to care for: it may be back on a master that this run has started
        raise _moved(run, node, now)
    saves = [c for _, work in run.works(node) for c in work.save]
    # a daemon that dies in this moment was active all the same: the undo shall start it
    active = {one.unit: ("active",) for one in now.daemons if one.active}
    # a restart alone leaves no new files that a daemon has to let go of: what runs is left to run
    taken = () if run.restarts(node) else run.effects(node)
    effects = [command("save_effect", e.unit, str(e.impact), *active.get(e.unit, ())) for e in taken]
    begin = [
        command("make_base"),
        command("txn_begin", run.transaction(node)),
        command("save_drain"),
        command("save_file", "owner", "/var/lib/lbctl/owner.json"),
    ]
    run.call(node, [*begin, *saves, *effects, *_also(run, node), _install(), *_arm(run, node)])
    run.armed.add(node)
    return f"the node puts itself back unless it is confirmed within {run.confirm_within} s"


def _moved(run: Run, node: str, now: Facts) -> RemoteError:
    """With what is not as the plan found it, as far as it has a name."""
    planned = run.gathered[node]
    dead = list(not_serving(planned, now, run.live_document(node, "haproxy")))
    what = ", ".join(dead or differences(planned, now))
    text = ": ".join(filter(None, ("it has changed since the plan was made", what)))
    return RemoteError(node, text, mend="plan again: lbctl plan")


def _look_again(run: Run, node: str) -> None:
    """Its own turn has changed it since it was read. Raises RemoteError when anybody else has."""
    run.refresh(node, gather_node(run.node(node), run.transport))
    if [change for change in run.touching(node) if change.scope is not Scope.CLUSTER]:
        raise RemoteError(node, "it has changed since its own turn", mend="plan again: lbctl plan")


def _arm(run: Run, node: str) -> Iterator[Command]:
    """With what all nodes put back at one instant, that instant by the node's own clock."""
    if run.unit is None:
        yield command("arm", str(run.confirm_within))
        return
    run.unit.clocks[node] = run.transport.clock(node)
    change = next(c for c in run.changes[node] if c.scope is Scope.CLUSTER)
    lines = ("\t".join((f"{vip.address}/{vip.prefix}", *vip.instances)) for vip in renewed(change))
    yield command("save_together", f"{election_seconds(change):g}", *lines)
    yield command("arm", str(run.unit.seconds_left()), run.unit.on(node, run.unit.undo_at))


def _install() -> Command:
    """The undo, its two permanent units and what a person reads at night: all that needs no lbctl."""
    units = (f"{name}={_text(name)}" for name in ("lbctl-undo.service", "lbctl-undo-boot.service"))
    return command("install_undo", _text("undo.sh"), _text("take.sh"), _text("README.txt"), *units)


def _text(name: str) -> str:
    return base64.b64encode(files("lbctl.rollout").joinpath("node", name).read_bytes()).decode()


def _also(run: Run, node: str) -> Iterator[Command]:
    """What the steps of this node do beside its changes."""
    if any(change.address.name.startswith(UNITS) for change in run.touching(node)):
        yield command("save_daemon_reload")
    for unit in ("haproxy", "keepalived"):
        found = run.gathered[node].daemon(unit)
        if found and (found.active or (found.loaded and run.cluster.retires(node))):
            # keepalived may be stopped to make the VIP leave; and either may die by itself meanwhile
            yield command("save_service", unit, *(("active",) if found.active else ()))
