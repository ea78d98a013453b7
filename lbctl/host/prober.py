"""What asks ports from a node, and how its lines are read. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address

from lbctl.model.command import Probe
from lbctl.model.outage import Target

EVERY_SECONDS = 0.25
"""Between two requests to a port."""
MOST_A_SECOND = 50
"""Requests to all ports together: with more than twelve ports each is asked less often."""
_KEPT = 8
_END = "@PROBE@"
_TIME = r"(\d+\.\d+)"
_READY = re.compile(rf"probe ready {_TIME}")
_SAMPLE = re.compile(rf"probe {_TIME} {_TIME} (\d+) ([a-z0-9-]+)")


def prober(targets: Sequence[Target], *, kept: bool = True) -> Probe:
    """A script whose input stays open: it asks the ports in turn until that ends, some also on a connection
    that is `kept`.
    """
    pause = max(EVERY_SECONDS / len(targets), 1 / MOST_A_SECOND)
    places = [
        f"{'http' if one.http else 'tcp'}/{one.address}/{one.port}/{_mark(one.address)}" for one in targets
    ]
    text = files("lbctl.host").joinpath("probe.sh").read_text()
    words = shlex.join([f"{pause:.3f}", str(_KEPT if kept else 0), *places])
    return Probe("probe", f"exec 3<&0\nexec bash /dev/fd/9 {words} 9<<'{_END}'\n{text}{_END}\n")


def _mark(address: str) -> str:
    """As /proc/net/fib_trie has it, and /proc/net/if_inet6."""
    return ip_address(address).exploded.replace(":", "")


@dataclass(frozen=True)
class Said:
    """A request as the prober tells it; times are seconds of uptime where it runs."""

    began: float
    ended: float
    number: int
    outcome: str


def began(line: str) -> float | None:
    """Its uptime when it begins to ask, from its first line; None for any other."""
    found = _READY.fullmatch(line)
    return float(found[1]) if found else None


def said(line: str) -> Said | None:
    """None for a line that is not the prober's: shells may be noisy."""
    found = _SAMPLE.fullmatch(line)
    return Said(float(found[1]), float(found[2]), int(found[3]), found[4]) if found else None
