"""Packages first, with the services kept from starting; then the node is read again."""

from __future__ import annotations

from lbctl.errors import RemoteError
from lbctl.gather import gather_node
from lbctl.kinds import PACKAGE
from lbctl.model.command import command
from lbctl.rollout.run import Run

_SECONDS = 600


def do(run: Run, node: str) -> str:
    """Install, and take up what the packages brought: their sample configuration is no foreign one."""
    names = PACKAGE.install([c for c in run.changes[node] if c.address.kind == "package"])
    before = run.gathered[node]
    run.call(node, [command("make_base"), command("apt_install", *names)], _SECONDS)
    facts = gather_node(run.node(node), run.transport)
    died = [one.unit for one in before.daemons if one.active and not facts.active(one.unit)]
    if died:  # a node on its way into a reboot is no measure for what an undo shall bring back
        raise RemoteError(node, f"{', '.join(died)} stopped meanwhile")
    run.refresh(node, facts)
    missing = PACKAGE.install([c for c in run.touching(node) if c.address.kind == "package"])
    if missing:
        raise RemoteError(
            node, f"{', '.join(missing)} was not installed", mend="look at apt's sources on the node"
        )
    for change in run.touching(node):
        new = change.live is not None and before.live(change.address) is None
        if new and change.address.kind == "file" and change.address.name not in facts.samples:
            raise RemoteError(node, f"{change.address.name} has appeared since the plan was made")
    return f"{', '.join(names)} installed"
