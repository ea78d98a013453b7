"""lbctl upgrade"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, Allow, Exclude, File, Json, NoColor, Yes
from lbctl.cli.rollout import (
    CONFIRM_WITHIN,
    PROBE_FROM,
    ConfirmWithin,
    DrainTimeout,
    MaxOutage,
    ProbeFrom,
    Rollout,
    Wish,
    once,
    roll_out,
)

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.model.restart import Restart
    from lbctl.transport.cluster import SshTransport
    from lbctl.views.view import View

PACKAGES = ("haproxy", "keepalived")

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="PACKAGE", help="haproxy or keepalived; none = both.", show_default=False),
]
Nodes = Annotated[
    list[str] | None,
    typer.Option(
        "--node",
        metavar="NODE",
        help="Upgrade this node alone; may be given several times.",
        show_default=False,
    ),
]
Update = Annotated[
    bool,
    typer.Option("--update/--no-update", help="Have the nodes' apt ask its sources first (apt-get update)."),
]


def upgrade(
    words: Words = None,
    node: Nodes = None,
    update: Update = True,
    file: File = CLUSTER_FILE,
    allow: Allow = None,
    exclude: Exclude = None,
    yes: Yes = False,
    confirm_within: ConfirmWithin = CONFIRM_WITHIN,
    drain_timeout: DrainTimeout = None,
    probe_from: ProbeFrom = PROBE_FROM,
    max_outage: MaxOutage = None,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Bring haproxy and keepalived to the version that apt would install, node by node, as an apply would.

    It asks apt, plans, shows the versions and asks. Both versions are fetched before any node is touched.
    Then, out of the election, backups first: the package is installed with its service held back, the new
    binary checks the configuration, and the daemon is restarted. A node where that fails gets its old version
    again and ends it. A version: in the cluster file is kept to. Exit code: 0 done, or nothing to upgrade, 1
    nothing was upgraded, 3 stopped with every node serving, 4 a node needs a person.

    \b
    Examples:
      lbctl upgrade                        plan, show, ask, both packages on every node
      lbctl upgrade haproxy --node lb3     haproxy on lb3 alone
      lbctl upgrade --yes                  without asking
      lbctl upgrade --no-update            by what apt knows, without asking its sources
    """
    units = _packages(words or ())
    rollout = Rollout(
        file,
        allow,
        exclude,
        yes,
        confirm_within,
        drain_timeout,
        probe_from,
        max_outage,
        json,
        no_color,
    )
    raise typer.Exit(roll_out(rollout, _wish(units, node or (), update), "Upgrade as planned?"))


def _wish(units: tuple[str, ...], nodes: Sequence[str], update: bool) -> Wish:
    def wish(cluster: Cluster, transport: SshTransport, shown: View) -> Restart:
        from lbctl.model.upgrade import Upgrade
        from lbctl.workflows.upgrade import updated

        found = Upgrade(units, once(cluster, nodes, "to be upgraded"))
        return updated(found, cluster, transport, shown.event) if update else found

    return wish


def _packages(words: Sequence[str]) -> tuple[str, ...]:
    """Each once; none = both. Raises UsageError for any other word."""
    from difflib import get_close_matches

    from lbctl.errors import UsageError

    for word in words:
        if word not in PACKAGES:
            near = get_close_matches(word, PACKAGES, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"there is no package {word} to upgrade",
                mend=f"{meant}it takes {' and '.join(PACKAGES)}; nodes are named with --node",
            )
    return tuple(dict.fromkeys(words)) or PACKAGES
