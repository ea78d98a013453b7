"""A lab as tests and commands use it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from lbctl.errors import LabError, UsageError
from lbctl.lab import controllers, lock, network, node, registry
from lbctl.lab import up as ups
from lbctl.lab.demolish import demolish
from lbctl.lab.load import KINDS, USUAL, Plan, split, words_of
from lbctl.lab.load_report import LoadReport
from lbctl.lab.registry import Paths
from lbctl.lab.spec import LabController, LabNode, LabSpec, from_json
from lbctl.local import cgroup, netns
from lbctl.local.process import Completed, run
from lbctl.local.spawn import Running, grouped

PATIENCE = 10.0  # seconds for the load to begin; 0.2 is usual
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Command:
    """A command line that runs somewhere in a lab, with its whole environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


class Load:
    """Load in the background: a context manager that stops it; then `report` has what it saw."""

    def __init__(self, command: Command, seconds: float, started: Path) -> None:
        """Start it and wait until it has begun, which it tells by making the file `started`."""
        self._running = Running(command.argv, command.env)
        self._most = seconds + 30
        deadline = time.monotonic() + PATIENCE
        while not started.exists() and not self._running.ended and time.monotonic() < deadline:
            time.sleep(0.01)
        started.unlink(missing_ok=True)

    def __enter__(self) -> Load:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.stop()

    def stop(self) -> LoadReport:
        """End it now, and return its report. Raises LabError when it left none."""
        return self._report(self._running.stop())

    def wait(self) -> LoadReport:
        """Let it run to its own end, and return its report."""
        return self._report(self._running.wait(self._most))

    @property
    def report(self) -> LoadReport:
        """What it saw; ends it if it still runs."""
        return self.stop()

    def _report(self, left: Completed) -> LoadReport:
        try:
            return LoadReport.from_json(left.text)
        except ValueError as error:
            said = left.stderr.decode(errors="replace")[-2000:]
            raise LabError("the load left no report", detail=said) from error


@dataclass(frozen=True)
class Lab:
    """A lab that is up."""

    spec: LabSpec

    @classmethod
    def up(cls, spec: LabSpec, progress: Callable[[str], None] = lambda line: None) -> Lab:
        """Bring a lab up, or find it up; `progress` gets a line of text per stage, from any thread."""
        ups.up(spec, progress)
        return cls(spec)

    @classmethod
    def find(cls, name: str) -> Lab | None:
        """The lab that is up for a cluster's name or with a prefix."""
        found = registry.find(name)
        if found is None:
            return None
        return cls(from_json(json.loads(Paths(found.prefix).record.read_bytes())))

    def down(self) -> None:
        """Take the lab away, whole. Harmless when it is gone."""
        down(self.spec.prefix)

    @property
    def paths(self) -> Paths:
        return Paths(self.spec.prefix)

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F` and for fabric."""
        return self.paths.ssh_config

    def namespace(self, name: str) -> str:
        """The namespace of a node, controller, `client`, `router`, `bastion`; the operator's is `net`."""
        return self.paths.namespace(name)

    def command(self, name: str, argv: Sequence[str]) -> Command:
        """How to run `argv` in a node as its root (all its namespaces, a clean environment), or in the
        network of a controller, `client`, `router` or `net`.

        Raises LabError for a name that is none, and a node that is off.
        """
        if self.spec.machine(name):
            return self._in_node(name, argv)
        known = {endpoint.name for endpoint in network.endpoints(self.spec)} | {"net"}
        if name not in known:
            raise LabError(f"the lab has no {name}", detail=f"it has {', '.join(sorted(known))}")
        return Command(tuple(netns.inside(self.namespace(name), argv)), dict(os.environ))

    def exec(
        self,
        name: str,
        argv: Sequence[str],
        *,
        check: bool = True,
        stdin: bytes = b"",
        timeout: float | None = None,
    ) -> Completed:
        """Run a command somewhere in the lab and wait. Raises LocalError as `process.run` does."""
        command = self.command(name, argv)
        return run(command.argv, check=check, stdin=stdin, env=command.env, timeout=timeout)

    def sh(self, name: str, script: str, *, check: bool = True) -> str:
        """The output of a shell script, stripped."""
        return self.exec(name, ["sh", "-c", script], check=check).text

    def is_on(self, name: str) -> bool:
        """Whether a node has power, or a controller runs."""
        controller = self.spec.controller(name)
        return controllers.is_running(controller, self.paths) if controller else node.is_on(name, self.paths)

    def start(self, name: str) -> None:
        """Switch a node on and wait for its SSH."""
        machine = self._machine(name)
        node.boot(name, self.paths)
        self._wait(machine)

    def power_cut(self, name: str) -> None:
        """Take a node's power away, as a pulled plug does; what it wrote stays."""
        node.power_cut(self._machine(name).name, self.paths, self._ports(name))

    def replace(self, name: str, progress: Callable[[str], None] = lambda line: None) -> None:
        """A node's machine dies, and a bare one comes in its place: same addresses, a new host key."""
        machine = self._machine(name)
        self.power_cut(name)
        ups.replace(self.spec, machine, progress)
        self.start(name)

    def reboot(self, name: str) -> None:
        """Have a node reboot itself, and wait until it is back."""
        machine = self._machine(name)
        before = self.sh(name, "cat /proc/sys/kernel/random/boot_id")
        self.exec(name, ["systemctl", "reboot"], check=False)
        node.wait_for_new_boot(name, self.paths, before)
        self._wait(machine)

    def link_down(self, name: str) -> None:
        """Pull the network cables out of a node or controller."""
        node.set_link(self.paths, self._ports(name), up=False)

    def link_up(self, name: str) -> None:
        node.set_link(self.paths, self._ports(name), up=True)

    def controller_start(self, name: str) -> None:
        controllers.start(self._controller(name), self.paths)

    def controller_stop(self, name: str) -> None:
        """Stop a controller: its ports refuse connections."""
        controllers.stop(self._controller(name), self.paths)

    def load(
        self,
        *,
        targets: Sequence[str] = (),
        kinds: Sequence[str] = (),
        clients: int = 20,
        seconds: float = 60.0,
        pause: float = 0.0,
    ) -> Load:
        """Start load from the client in the background; see `lbctl.lab.load` for what is counted.

        `targets` are ADDRESS:PORT, otherwise the first VIP at every port. It ends by itself after `seconds`.
        """
        plan = self.load_plan(Plan(tuple(targets), tuple(kinds), clients, seconds, pause=pause))
        started = self.paths.root / f"load-{time.monotonic_ns()}.started"
        return Load(self.load_command(plan, as_json=True, started=started), seconds, started)

    def load_plan(self, plan: Plan) -> Plan:
        """A plan with this lab's targets and the usual kinds where it names none.

        Raises LabError when there is no client, or nothing to ask; UsageError for an unknown kind or target.
        """
        unknown = [kind for kind in plan.kinds if kind not in KINDS]
        if unknown:
            raise UsageError(f"no kind of load: {', '.join(unknown)}", mend=f"there are {', '.join(KINDS)}")
        targets = plan.targets or self.spec.targets
        if not targets or self.spec.client is None:
            raise LabError(
                "there is nothing to load", detail="the lab has no client, or no VIP and no target"
            )
        try:
            for target in targets:
                split(target)
        except ValueError as error:
            raise UsageError(f"not a target: {error}") from error
        return replace(plan, targets=targets, kinds=plan.kinds or USUAL)

    def load_command(self, plan: Plan, *, as_json: bool = False, started: Path | None = None) -> Command:
        """How to run a load plan from the client."""
        words = [*words_of(plan), *(["--json"] if as_json else [])]
        words += ["--started", str(started)] if started else []
        inside = netns.inside(self.namespace("client"), controllers.python("lbctl.lab.load", *words))
        groups = cgroup.make(f"{self.paths.group}/client")
        return Command(tuple(grouped(groups, inside)), controllers.environment())

    def _in_node(self, name: str, argv: Sequence[str]) -> Command:
        pid = node.first_process(name, self.paths)
        if pid is None:
            raise LabError(f"{name} is off", mend=f"lbctl lab power on {name}")
        env = {"PATH": PATH, "TERM": os.environ.get("TERM", "dumb"), "HOME": "/root", "LANG": "C.UTF-8"}
        enter = [
            "nsenter",
            f"--target={pid}",
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--root",
            "--wd",
        ]
        return Command((*enter, "--", *argv), env)

    def _wait(self, machine: LabNode) -> None:
        node.wait_for_ssh(machine, ups.way_to(machine, self.spec), self.paths)

    def _ports(self, name: str) -> list[str]:
        for place, endpoint in enumerate(network.endpoints(self.spec)):
            if endpoint.name == name:
                return [network.port_name(place, number) for number in range(len(endpoint.links))]
        raise LabError(f"the lab has no {name}")

    def _machine(self, name: str) -> LabNode:
        machine = self.spec.machine(name)
        if machine is None:
            raise LabError(f"the lab has no node {name}")
        return machine

    def _controller(self, name: str) -> LabController:
        controller = self.spec.controller(name)
        if controller is None:
            raise LabError(f"the lab has no controller {name}")
        return controller


def down(prefix: str) -> None:
    """Take whatever there is of a lab away, also half a one. Harmless when there is nothing."""
    paths = Paths(prefix)
    with lock.held(paths):
        demolish(paths)
