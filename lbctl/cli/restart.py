"""lbctl restart"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, Allow, Exclude, File, Json, NoColor, Yes, allowed, view
from lbctl.cli.rollout import (
    CONFIRM_WITHIN,
    PROBE_FROM,
    ConfirmWithin,
    DrainTimeout,
    MaxOutage,
    ProbeFrom,
    asking,
    carried_out,
    need_terminal,
    planned,
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
    from lbctl.cli.target import reached
    from lbctl.store.workspace import workspace_of
    from lbctl.views.json import event_line
    from lbctl.workflows.apply import Apply

    if not yes:
        need_terminal("give --yes")
    codes, units = allowed(allow), _units(words)
    screen = closing(view(json, no_color, events=True))
    with screen as shown, reached(file, exclude=exclude) as (cluster, transport):
        state, source = workspace_of(file).cluster(cluster.name), cluster.scrubbed(file.read_text())
        with_ = Apply(
            *(cluster, transport, state, shown.event, event_line, source),
            confirm_within=confirm_within,
            drain_timeout=drain_timeout,
            asking=asking(cluster, probe_from, max_outage),
            restart=_wish(cluster, units, words[len(units) :]),
        )
        plan = planned(with_, shown, yes=yes)
        report = carried_out(with_, plan, shown, codes, "" if yes else "Restart as planned?")
    raise typer.Exit(int(report.code))


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
    from lbctl.cli.target import known
    from lbctl.errors import UsageError
    from lbctl.model.restart import Restart

    for name in nodes:
        known(cluster, name)
        if name in cluster.excluded:
            raise UsageError(
                f"{name} is both to be restarted and left out", mend=f"name it, or --exclude {name}"
            )
    return Restart(tuple(dict.fromkeys(units)), tuple(dict.fromkeys(nodes)))
