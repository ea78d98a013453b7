"""lbctl handover"""

from __future__ import annotations

from contextlib import closing

from lbctl.cli.drain import NodeName
from lbctl.cli.interrupt import interruptible
from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view
from lbctl.cli.rollout import PROBE_FROM, DrainTimeout, ProbeFrom, asking


def handover(
    node: NodeName,
    drain_timeout: DrainTimeout = None,
    probe_from: ProbeFrom = PROBE_FROM,
    file: File = CLUSTER_FILE,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Have a node give its VIPs to another one for good, and go on as a backup.

    That is for nodes with nopreempt. One that preempts would take them straight back, and is refused: lbctl
    drain keeps them away from it. Open connections may end on the node first. Exit code: 0 another node
    holds them (or it held none), 1 not. Ctrl-C ends the waiting.

    \b
    Examples:
      lbctl handover lb1
    """
    from lbctl.cli.target import known, reached
    from lbctl.workflows.drain import Maintenance
    from lbctl.workflows.drain import handover as hand_over

    with closing(view(json, no_color)) as shown, reached(file, secrets=False) as (cluster, transport):
        known(cluster, node)
        wish = asking(cluster, probe_from, None)
        with_ = Maintenance(cluster, transport, shown.event, interruptible, drain_timeout, wish)
        report = hand_over(with_, node)
        shown.handed_over(report)
