"""Making a lab, in this order: image, keys, network, controllers, nodes (all at once), record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lbctl.errors import LabError
from lbctl.lab import controllers, image, keys, lock, network, node, requirements
from lbctl.lab import spec as specs
from lbctl.lab.demolish import demolish
from lbctl.lab.registry import Paths
from lbctl.lab.spec import LabNode, LabSpec
from lbctl.local import cgroup, netns
from lbctl.local.process import run
from lbctl.local.spawn import run_in

Progress = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")
INOTIFY = 16  # instances that a node may take; 8 are usual
AT_ONCE = 8  # nodes made and booted at the same time


def up(spec: LabSpec, progress: Progress) -> None:
    """Bring a lab up. One that is up is left as it is, but what is off in it is switched on.

    What is made half is taken down again. Raises InputError for a spec that cannot be built; LabError when
    this machine lacks something or another lab has the prefix.
    """
    specs.check(spec)
    requirements.check()
    paths = Paths(spec.prefix)
    with lock.held(paths):
        if paths.record.exists():
            _same_lab(spec, paths)
            _switch_on(spec, paths, progress)
            return
        _make_room(len(spec.machines), progress)
        base = image.ensure(_recipe(spec), progress)
        demolish(paths)
        whole = False
        try:
            _make(spec, paths, base, progress)
            whole = True
        finally:
            if not whole:
                demolish(paths)


def replace(spec: LabSpec, machine: LabNode, progress: Progress) -> None:
    """Put a bare machine in the place of a node that is off: same name and addresses, nothing else of it.

    It is left off. Its host key is new, and in nobody's known_hosts.
    """
    paths = Paths(spec.prefix)
    with lock.held(paths):
        base = image.ensure(_recipe(spec), progress)
        node.scrap(machine.name, paths)
        node.prepare(machine, base, paths, node.hosts_file(specs.names(spec)))


def _recipe(spec: LabSpec) -> image.Recipe:
    return image.Recipe(spec.suite, spec.bare_tools, spec.extra_packages)


def _make(spec: LabSpec, paths: Paths, base: Path, progress: Progress) -> None:
    _lay_ground(paths)
    keys.make_key(paths.key)
    progress(f"network {paths.namespace('net')}")
    _make_network(spec, paths)
    hosts = node.hosts_file(specs.names(spec))
    progress(f"nodes {', '.join(machine.name for machine in spec.machines)}")
    public = dict(
        _each(lambda machine: (machine.name, node.prepare(machine, base, paths, hosts)), spec.machines)
    )
    paths.known_hosts.write_text(keys.known_hosts(spec, public))
    paths.ssh_config.write_text(keys.ssh_config(spec, paths))
    for place, endpoint in enumerate(network.endpoints(spec)):
        if spec.machine(endpoint.name):
            node.write_batches(endpoint, place, paths)
    _switch_on(spec, paths, progress)
    part = paths.record.with_suffix(".part")
    part.write_text(json.dumps(specs.to_json(spec)))
    part.rename(paths.record)


def _make_room(machines: int, progress: Progress) -> None:
    """Raise the kernel's limit of inotify instances: systemd in every node needs some, and 128 is usual."""
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    wanted = 1024 + machines * INOTIFY
    if int(limit.read_text()) < wanted:
        progress(f"fs.inotify.max_user_instances is {limit.read_text().strip()}: raised to {wanted}")
        limit.write_text(f"{wanted}\n")


def _lay_ground(paths: Paths) -> None:
    """A memory file system for all that the lab writes: fast, and gone with one umount."""
    paths.root.mkdir(parents=True)
    groups = cgroup.make(paths.group)
    run_in(groups, ["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", str(paths.root)])
    for name in ("log", "node"):
        (paths.root / name).mkdir()


def _make_network(spec: LabSpec, paths: Paths) -> None:
    groups = cgroup.make(paths.group)
    netns.add(paths.namespace("net"), groups)
    netns.batch(paths.namespace("net"), network.switch(spec))
    for place, endpoint in enumerate(network.endpoints(spec)):
        if spec.machine(endpoint.name):
            continue  # a node's namespace is made at each of its boots
        space = paths.namespace(endpoint.name)
        netns.add(space, groups)
        netns.batch(paths.namespace("net"), network.plug(endpoint, place, space))
        netns.batch(space, network.inside(endpoint))
        if endpoint.forwards:
            for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
                run(netns.inside(space, ["sysctl", "-qw", f"net.{key}=1"]))


def _switch_on(spec: LabSpec, paths: Paths, progress: Progress) -> None:
    """Start what is off; return when every controller listens and every node greets on SSH."""
    for machine in spec.machines:
        node.boot(machine.name, paths)
    _each(lambda controller: controllers.start(controller, paths), spec.controllers)

    def wait(machine: LabNode) -> None:
        node.wait_for_ssh(machine, way_to(machine, spec), paths)
        progress(f"{machine.name} is up at {machine.login}")

    _each(wait, spec.machines)


def way_to(machine: LabNode, spec: LabSpec) -> str:
    """From where a machine's SSH can be reached: the operator's namespace, or the bastion."""
    return "bastion" if spec.bastion and machine.name != "bastion" else "net"


def _same_lab(spec: LabSpec, paths: Paths) -> None:
    if json.loads(paths.record.read_bytes()) != json.loads(json.dumps(specs.to_json(spec))):
        raise LabError(
            f"another lab is up with the prefix {spec.prefix}",
            detail="its nodes, networks or options differ from what is asked for",
            mend=f"lbctl lab down --prefix {spec.prefix}, or choose another --prefix",
        )


def _each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, items))
