"""Taking a lab away, whole: also one whose making was killed, also twice.

Nothing here trusts a record. Whatever carries the lab's name goes: processes by control group and namespace,
mounts by path, namespaces and groups by name.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lbctl.lab.registry import RUN, Paths
from lbctl.local import cgroup, netns
from lbctl.local.process import run

NSPAWN = Path("/run/systemd/nspawn")  # nspawn leaves an empty directory per machine here


def demolish(paths: Paths) -> None:
    """Leave nothing of a lab. Harmless when there is nothing. The caller holds the lab's lock."""
    cgroup.remove(paths.group)
    spaces = netns.names(paths.namespace(""))
    for space in spaces:
        for pid in set(netns.pids(space)) - _own_line():
            cgroup.signal_one(pid, 9)
    for mount in _mounts_below(paths.root):
        run(["umount", "--lazy", mount])
    for space in spaces:
        netns.remove(space)
    for directory in NSPAWN.glob(f"*/{paths.namespace('*')}"):
        directory.rmdir()
    if paths.root.exists():
        shutil.rmtree(paths.root)


def traces() -> list[str]:
    """The prefixes of all labs that this machine has anything of: up, half up, half down."""
    groups = {name.removeprefix("lbctl-") for name in cgroup.children("lbctl-")}
    spaces = {name.split("-")[1] for name in netns.names("lbctl-")}
    directories = {path.name for path in RUN.glob("*") if path.is_dir()}
    return sorted(groups | spaces | directories)


def leftovers(prefix: str) -> list[str]:
    """Everything on this machine that carries a lab's name, for people and tests."""
    paths = Paths(prefix)
    groups = [f"group {paths.group}"] if cgroup.exists(paths.group) else []
    spaces = [f"namespace {space}" for space in netns.names(paths.namespace(""))]
    mounts = [f"mount {mount}" for mount in _mounts_below(paths.root)]
    directories = [f"directory {paths.root}"] if paths.root.exists() else []
    machines = [f"directory {path}" for path in NSPAWN.glob(f"*/{paths.namespace('*')}")]
    return groups + spaces + mounts + directories + machines


def _own_line() -> set[int]:
    """This process and its ancestors: `lab down` may be typed in a shell inside the lab's namespace."""
    line, pid = set(), os.getpid()
    while pid > 0:
        line.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return line


def _mounts_below(root: Path) -> list[str]:
    """Mount points at and below a directory, the innermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split(" ")[4].encode().decode("unicode_escape")
        if Path(place).is_relative_to(root):
            found.append(place)
    return found[::-1]
