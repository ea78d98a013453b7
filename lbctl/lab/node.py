"""One node of a lab: its file system, its boot, its power.

A node's own places are `Paths.node(name)`; it is on for as long as its boot loop holds the lock there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from lbctl.errors import LabError
from lbctl.lab import network
from lbctl.lab.keys import make_key
from lbctl.lab.registry import Paths
from lbctl.lab.spec import LabNode
from lbctl.local import cgroup, netns
from lbctl.local.process import run
from lbctl.local.spawn import daemon, run_in

BOOT = Path(__file__).with_name("boot.sh")
PREPARE = Path(__file__).with_name("prepare.sh")
BOOT_TIME = 30.0  # seconds a node may take; 0.4 is usual
GRACE = 3.0  # seconds until a node that was switched on must be on
POLL = 0.02


def prepare(node: LabNode, image: Path, paths: Paths, hosts: str) -> str:
    """Lay a node's own layer over the image and write what is its own into it; its public host key."""
    groups = cgroup.make(paths.group)
    place = paths.node(node.name)
    layer, root = place / "layer", place / "root"
    for directory in (layer, root):
        directory.mkdir(parents=True)
    if node.disk_mb:
        run_in(groups, ["mount", "-t", "tmpfs", "-o", f"size={node.disk_mb}m", "tmpfs", str(layer)])
    for name in ("upper", "work"):
        (layer / name).mkdir()
    options = f"lowerdir={image},upperdir={layer / 'upper'},workdir={layer / 'work'}"
    run_in(groups, ["mount", "-t", "overlay", "-o", options, "overlay", str(root)])
    return _personal(node, root, paths, hosts)


def scrap(name: str, paths: Paths) -> None:
    """Throw away everything that is on a node's disk. The node is off."""
    place = paths.node(name)
    for directory in (place / "root", place / "layer"):
        run(["umount", "--lazy", str(directory)], check=False)  # the layer is a mount on small disks alone
        shutil.rmtree(directory)


def write_batches(endpoint: network.Endpoint, number: int, paths: Paths) -> None:
    """Write down how the node is plugged in, for its boot loop."""
    place = paths.node(endpoint.name)
    batches = {
        "unplug": network.unplug(endpoint, number),
        "plug": network.plug(endpoint, number, paths.namespace(endpoint.name)),
        "inside": network.inside(endpoint),
    }
    for name, lines in batches.items():
        (place / name).write_text("".join(f"{line}\n" for line in lines))


def boot(name: str, paths: Paths) -> None:
    """Switch a node on. Harmless when it is on. Returns at once."""
    groups = cgroup.make(f"{paths.group}/{name}")
    words = [str(paths.node(name)), paths.namespace(name), name, paths.namespace("net"), *map(str, groups)]
    # The text and not the file: a shell reads on in a file that changes under it.
    daemon(
        ["sh", "-c", BOOT.read_text(), "boot.sh", *words],
        log=paths.log(name),
        groups=cgroup.make(paths.group),
    )


def wait_for_ssh(node: LabNode, seen_from: str, paths: Paths) -> None:
    """Wait until the node's sshd greets a client in the namespace `seen_from`.

    Raises LabError with the last lines of the node's console when it goes off again, or takes BOOT_TIME.
    """
    began = time.monotonic()
    while time.monotonic() < began + BOOT_TIME:
        if _greets(node, paths.namespace(seen_from)):
            return
        if time.monotonic() > began + GRACE and not is_on(node.name, paths):
            break
        time.sleep(POLL)
    raise LabError(f"{node.name} does not answer on SSH", detail=console(node.name, paths))


def _greets(node: LabNode, namespace: str) -> bool:
    try:
        return netns.tcp_banner(namespace, node.login, node.ssh_port, timeout=0.3).startswith(b"SSH-")
    except OSError:  # not yet
        return False


def is_on(name: str, paths: Paths) -> bool:
    """Whether the node's boot loop runs, that is, holds its lock.

    Asks the kernel's list: to try the lock would keep a loop that starts in this moment from having it.
    """
    try:
        found = (paths.node(name) / "lock").stat()
    except FileNotFoundError:
        return False
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any(place in line.split() for line in Path("/proc/locks").read_text().splitlines())


def first_process(name: str, paths: Paths) -> int | None:
    """The pid, as seen from outside, of the node's own pid 1; None while it has none."""
    for pid in sorted(cgroup.pids(f"{paths.group}/{name}")):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pids = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
        if len(pids) > 1 and pids[-1] == "1":
            return pid
    return None


def power_cut(name: str, paths: Paths, ports: Sequence[str]) -> None:
    """Take the node's power away: silent on the network first, then gone. Harmless when it is off."""
    if not is_on(name, paths):
        return
    set_link(paths, ports, up=False)
    # pid 1's end is the container's; killing what started it would leave the container running.
    pid = first_process(name, paths)
    if pid is not None:
        cgroup.signal_one(pid, 9)
    wait_for_off(name, paths)


def wait_for_off(name: str, paths: Paths) -> None:
    """Wait until a node is off. Raises LabError when it is not within BOOT_TIME."""
    deadline = time.monotonic() + BOOT_TIME
    while is_on(name, paths):
        if time.monotonic() > deadline:
            raise LabError(f"{name} does not go off", detail=console(name, paths))
        time.sleep(POLL)


def wait_for_new_boot(name: str, paths: Paths, old: str) -> None:
    """Wait until a node runs under another boot id than `old`. Raises LabError after BOOT_TIME."""
    deadline = time.monotonic() + BOOT_TIME
    while time.monotonic() < deadline:
        pid = first_process(name, paths)
        if pid is not None and _boot_id(pid) not in ("", old):
            return
        time.sleep(POLL)
    raise LabError(f"{name} does not reboot", detail=console(name, paths))


def _boot_id(pid: int) -> str:
    """The boot id inside a container, "" while it is too young to have one."""
    try:
        return Path(f"/proc/{pid}/root/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def set_link(paths: Paths, ports: Sequence[str], *, up: bool) -> None:
    """Pull the cable out of the node's ports on the bridges, or put it in."""
    state = "up" if up else "down"
    netns.batch(paths.namespace("net"), [f"link set {port} {state}" for port in ports])


def console(name: str, paths: Paths) -> str:
    """The last lines that the node wrote on its console."""
    try:
        lines = paths.log(name).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-12:])


def hosts_file(names: Sequence[tuple[str, str]]) -> str:
    """An /etc/hosts that knows everybody by (name, address)."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    return "\n".join([*lines, *(f"{address} {name}" for name, address in names)]) + "\n"


def _personal(node: LabNode, root: Path, paths: Paths, hosts: str) -> str:
    (root / "etc/hostname").write_text(f"{node.name}\n")
    (root / "etc/hosts").write_text(hosts)
    machine = hashlib.sha256(f"{paths.prefix}/{node.name}".encode()).hexdigest()[:32]
    (root / "etc/machine-id").write_text(f"{machine}\n")
    public = paths.key.with_name(f"{paths.key.name}.pub").read_text()
    (root / "root/.operator.pub").write_text(public)
    script = ["chroot", str(root), "sh", "-c", PREPARE.read_text(), "sh"]
    words = [node.user, node.become, str(node.ssh_port)]
    run_in(cgroup.make(paths.group), [*script, *words], stdin=f"{node.password}\n".encode())
    return make_key(root / "etc/ssh/ssh_host_ed25519_key")
