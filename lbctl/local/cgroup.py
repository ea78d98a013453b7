"""Control groups as a way to know processes: what starts in one can be found and ended, to the last child.

Works with the pure version 2, with the hybrid layout (a named hierarchy for systemd beside version 2) and
with version 1 alone. No limits are set.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lbctl.errors import LocalError

PATIENCE = 10.0  # seconds for killed processes to be gone


def hierarchies() -> list[Path]:
    """Where groups are made: version 2 and systemd's own hierarchy, whichever there are."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(before.split(" ")[4]))
    if not found:
        raise LocalError("no control groups are mounted", mend="mount -t cgroup2 none /sys/fs/cgroup")
    return found


def make(group: str) -> list[Path]:
    """Make a group (a relative path) in every hierarchy, if it is not there; its directories."""
    paths = [root / group for root in hierarchies()]
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)
    return paths


def exists(group: str) -> bool:
    return any((root / group).is_dir() for root in hierarchies())


def children(start: str) -> list[str]:
    """The groups at the top whose name begins with `start`."""
    return sorted({path.name for root in hierarchies() for path in root.glob(f"{start}*") if path.is_dir()})


def pids(group: str) -> set[int]:
    """Every process in a group and in those below it."""
    return {pid for root in hierarchies() for pid in _pids(root / group)}


def kill(group: str, number: int = signal.SIGKILL) -> None:
    """Signal every process in a group, once."""
    for pid in pids(group):
        signal_one(pid, number)


def signal_one(pid: int, number: int) -> None:
    """Signal a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def remove(group: str) -> None:
    """End every process in a group and remove it. Harmless when there is none. Raises LocalError when
    processes outlive their kill by PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while exists(group):
        kill(group)
        for root in hierarchies():
            _rmdir_tree(root / group)
        if time.monotonic() > deadline:
            raise LocalError(
                f"processes in the control group {group} do not end", detail=str(sorted(pids(group)))
            )
        time.sleep(0.01)


def _pids(path: Path) -> Iterator[int]:
    # os.walk and not glob: groups go away while they are listed, and walk passes over them.
    for directory, _, _ in os.walk(path):
        try:
            words = Path(directory, "cgroup.procs").read_text().split()
        except OSError:
            continue
        yield from map(int, words)


def _rmdir_tree(path: Path) -> None:
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            Path(directory).rmdir()
        except OSError:  # busy until its last process is reaped: the caller comes again
            continue
