"""Starting and stopping the lab's controllers: a process each, in its own namespace and control group."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lbctl.errors import LabError
from lbctl.lab.registry import Paths
from lbctl.lab.spec import LabController
from lbctl.local import cgroup, netns
from lbctl.local.spawn import daemon

PATIENCE = 10.0  # seconds for a controller to listen; 0.2 is usual


def start(controller: LabController, paths: Paths) -> None:
    """Start a controller and wait until every port listens. Harmless when it runs.

    Raises LabError with what it said when it does not come.
    """
    if is_running(controller, paths):
        return
    ready = paths.root / f"{controller.name}.ready"
    ready.unlink(missing_ok=True)
    words = [controller.name, str(ready), *map(str, controller.ports)]
    daemon(
        netns.inside(paths.namespace(controller.name), python("lbctl.lab.controller", *words)),
        log=paths.log(controller.name),
        groups=cgroup.make(_group(controller, paths)),
        env=environment(),
    )
    deadline = time.monotonic() + PATIENCE
    while not ready.exists():
        if time.monotonic() > deadline:
            said = paths.log(controller.name).read_text(errors="replace")[-2000:]
            raise LabError(f"the controller {controller.name} does not start", detail=said)
        time.sleep(0.01)


def stop(controller: LabController, paths: Paths) -> None:
    """Kill a controller's process: its address stays, its ports refuse. Harmless when it is stopped."""
    cgroup.remove(_group(controller, paths))


def is_running(controller: LabController, paths: Paths) -> bool:
    return bool(cgroup.pids(_group(controller, paths)))


def python(module: str, *words: str) -> list[str]:
    """The command line that runs a module of lbctl with this very Python."""
    return [sys.executable, "-m", module, *words]


def environment() -> dict[str, str]:
    """This process's environment, with this very lbctl first on Python's path."""
    package = Path(__file__).parents[2]
    return {**os.environ, "PYTHONPATH": str(package)}


def _group(controller: LabController, paths: Paths) -> str:
    return f"{paths.group}/{controller.name}"
