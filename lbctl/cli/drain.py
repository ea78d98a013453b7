"""lbctl drain"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.interrupt import interruptible
from lbctl.cli.options import CLUSTER_FILE, Allow, File, Json, NoColor, allowed, view
from lbctl.cli.rollout import PROBE_FROM, DrainTimeout, ProbeFrom, asking

if TYPE_CHECKING:
    from lbctl.errors import UsageError

NodeName = Annotated[str, typer.Argument(metavar="NODE", help="A node of the cluster file.")]
For = Annotated[
    str, typer.Option("--for", metavar="DURATION", help="How long it will take: 30m, 2h, 1h30m, 3d.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever comes upon it.")]

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)
_LONGEST = 90 * 86400
_REASON = 200  # characters


def drain(
    node: NodeName,
    for_: For = "4h",
    reason: Reason = "",
    allow: Allow = None,
    drain_timeout: DrainTimeout = None,
    probe_from: ProbeFrom = PROBE_FROM,
    file: File = CLUSTER_FILE,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Keep the VIPs away from a node while you work on it; they move to another one.

    It stays so, through reboots and applies, until lbctl undrain. When the time of --for has passed, lbctl
    drift complains; the node never undrains itself. Again: a new time. Exit code: 0 the VIPs are off the
    node, 1 they are not, and it is as it was. Ctrl-C puts it back as it was. Open connections may end on it
    first.

    \b
    Examples:
      lbctl drain lb1
      lbctl drain lb1 --for 2h --reason "new disk"
      lbctl undrain lb1
    """
    from lbctl.cli.target import known, reached
    from lbctl.workflows.drain import Maintenance
    from lbctl.workflows.drain import drain as hold_out

    seconds, codes = _seconds(for_), allowed(allow)
    _check_reason(reason)
    # no secret is needed to move a VIP, and at night none may be at hand
    with closing(view(json, no_color)) as shown, reached(file, secrets=False) as (cluster, transport):
        known(cluster, node)
        wish = asking(cluster, probe_from, None)
        with_ = Maintenance(cluster, transport, shown.event, interruptible, drain_timeout, wish)
        report = hold_out(with_, node, seconds, reason, codes)
        shown.drained(report)


def _seconds(duration: str) -> int:
    """Raises UsageError for what is no duration, for none at all, and for more than 90 days."""
    found = _DURATION.fullmatch(duration)
    if found is None or not duration:
        raise _bad(duration, "it is no duration")
    seconds = sum(
        int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS.values(), strict=True)
    )
    if not 0 < seconds <= _LONGEST:
        raise _bad(duration, "it is not between 1s and 90d")
    return seconds


def _bad(duration: str, why: str) -> UsageError:
    from lbctl.errors import UsageError

    return UsageError(f"--for {duration!r}: {why}", mend="give it as 30m, 2h, 1h30m or 3d")


def _check_reason(reason: str) -> None:
    from lbctl.errors import UsageError

    if len(reason) > _REASON or not reason.isprintable():
        raise UsageError(f"--reason takes one line of at most {_REASON} characters")
