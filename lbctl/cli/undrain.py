"""lbctl undrain"""

from __future__ import annotations

from contextlib import closing

from lbctl.cli.drain import NodeName
from lbctl.cli.interrupt import interruptible
from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view
from lbctl.cli.rollout import PROBE_FROM, DrainTimeout, ProbeFrom, asking


def undrain(
    node: NodeName,
    drain_timeout: DrainTimeout = None,
    probe_from: ProbeFrom = PROBE_FROM,
    file: File = CLUSTER_FILE,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Let a node take part in the election again, after lbctl drain.

    Exit code: 0 the VIPs are where VRRP's rules put them (or the node was not drained), 1 they are not, or
    the node could not be reached. Ctrl-C ends the waiting; the node takes part all the same.

    \b
    Examples:
      lbctl undrain lb1
    """
    from lbctl.cli.target import known, reached
    from lbctl.workflows.drain import Maintenance
    from lbctl.workflows.drain import undrain as let_in

    with closing(view(json, no_color)) as shown, reached(file, secrets=False) as (cluster, transport):
        known(cluster, node)
        wish = asking(cluster, probe_from, None)
        with_ = Maintenance(cluster, transport, shown.event, interruptible, drain_timeout, wish)
        report = let_in(with_, node)
        shown.drained(report)
