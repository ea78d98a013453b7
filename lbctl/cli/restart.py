"""lbctl restart"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
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
    once,
    roll_out,
)

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster
    from lbctl.model.restart import Restart

DAEMONS = ("haproxy", "keepalived")

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="DAEMON... [NODE]...",
        help="haproxy, keepalived or both, then the nodes (none = all).",
        show_default=False,
    ),
]


def restart(
    words: Words,
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
    """Restart a daemon node by node, as an apply would: backups first, the VIP handed over before.

    It plans, shows the plan and asks. Each node's configuration is checked by the daemon before any is
    stopped, and a node that does not come up ends it. Nothing is changed beside: a node that is not as the
    cluster file says is refused until lbctl apply. Exit code: 0 done, 1 nothing was restarted, 3 stopped
    with every node serving, 4 a node needs a person. Ctrl-C: the node under way is finished, or not begun.

    \b
    Examples:
      lbctl restart haproxy                plan, show, ask, restart it on every node
      lbctl restart keepalived lb2         on lb2 alone
      lbctl restart haproxy keepalived     both, one node after the other
      lbctl restart haproxy --yes          without asking
    """
    units = _units(words)
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
    code = roll_out(
        rollout, lambda cluster, *_: _wish(cluster, units, words[len(units) :]), "Restart as planned?"
    )
    raise typer.Exit(code)


def _units(words: Sequence[str]) -> tuple[str, ...]:
    """The daemons, which come first. Raises UsageError when there is none."""
    from difflib import get_close_matches

    from lbctl.errors import UsageError

    units = tuple(takewhile(lambda word: word in DAEMONS, words))
    if not units:
        near = get_close_matches(words[0], DAEMONS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no daemon {words[0]} to restart",
            mend=f"{meant}it takes {' or '.join(DAEMONS)}, and then nodes",
        )
    return units


def _wish(cluster: Cluster, units: Sequence[str], nodes: Sequence[str]) -> Restart:
    """Each daemon and node once. Raises UsageError for a node that is unknown, or left out."""
    from lbctl.model.restart import Restart

    return Restart(tuple(dict.fromkeys(units)), once(cluster, nodes, "to be restarted"))
