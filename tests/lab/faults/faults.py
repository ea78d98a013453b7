"""The faults, done for real. Each is a context manager: it stands while its body runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from lbctl.local import cgroup
from tests.lab.faults.matrix import Cell, Fault, Way
from tests.lab.job.steps import Site, eventually

Strike = Callable[[Site, str, "subprocess.Popen[str]"], AbstractContextManager[None]]

WAITED_FOR = frozenset({Fault.CUT, Fault.FROZEN})
"""With these a cell lasts as long as a node waits before it puts itself back."""
LONGEST = 24  # seconds: of the times that `within` gives to those that are waited for
SHORT = 4.0  # seconds, longer than an election
_FILL = "/fill"

_CUT = """nft -f - <<'.'
table inet cut {
  chain input { type filter hook input priority -400; tcp dport 22 drop; }
  chain output { type filter hook output priority -400; tcp sport 22 drop; }
}
."""


def within(cell: Cell) -> int:
    """Seconds until a node puts itself back: the least that lbctl takes for such a plan.

    What a killed one left is for the next apply to put back, and not for the node in the middle of that one.
    """
    if cell.fault is Fault.KILL:
        return 30
    if cell.way is Way.UPGRADE:
        return LONGEST
    if cell.way is Way.TOGETHER:
        return 7 if cell.fault in WAITED_FOR else 10
    return 8


def busy(site: Site, node: str) -> bool:
    """Is an undo armed or at work on the node?"""
    there = "ls -d /var/lib/lbctl/armed /var/lib/lbctl/undoing 2>/dev/null; :"
    return site.sh(node, there) != ""


@contextmanager
def _kill(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    """The operator's machine dies, with the connections of lbctl."""
    os.killpg(process.pid, signal.SIGKILL)
    yield


@contextmanager
def _full(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    """No byte is left on the node's file system."""
    site.sh(node, f"cat /dev/zero >{_FILL} 2>/dev/null; :")
    try:
        yield
    finally:
        site.sh(node, f"rm {_FILL}")


@contextmanager
def _power(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    site.lab.power_cut(node)
    try:
        yield
    finally:
        site.lab.start(node)


@contextmanager
def _reboot(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    site.lab.reboot(node)
    yield


@contextmanager
def _cut(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    """No packet of SSH's passes, in either direction, and nobody is told: until the node has healed."""
    site.sh(node, _CUT)
    try:
        yield
        time.sleep(SHORT)
        eventually(lambda: not busy(site, node), LONGEST + 15)
    finally:
        site.sh(node, "nft delete table inet cut")


@contextmanager
def _frozen(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
    """No process of the node runs, its kernel answers: pings, and who asks for its addresses."""
    group = f"{site.lab.paths.group}/{node}"
    cgroup.kill(group, signal.SIGSTOP)
    try:
        cgroup.kill(group, signal.SIGSTOP)  # those that were forked meanwhile
        time.sleep(SHORT)
    finally:
        cgroup.kill(group, signal.SIGCONT)
    yield


def _crash(unit: str) -> Strike:
    @contextmanager
    def strike(site: Site, node: str, process: subprocess.Popen[str]) -> Iterator[None]:
        """The daemon's main process dies; the step under way may just be starting it."""
        eventually(lambda: site.pids(node, unit) != "0", 5)
        site.sh(node, f"kill -9 $(systemctl show -p MainPID --value {unit})")
        yield

    return strike


STRIKES: dict[Fault, Strike] = {
    Fault.KILL: _kill,
    Fault.FULL: _full,
    Fault.POWER: _power,
    Fault.KEEPALIVED: _crash("keepalived"),
    Fault.REBOOT: _reboot,
    Fault.CUT: _cut,
    Fault.FROZEN: _frozen,
    Fault.HAPROXY: _crash("haproxy"),
}
LASTS = frozenset({Fault.FULL})
"""These stand until lbctl has ended; the others are over before that."""
