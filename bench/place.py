"""Where it is measured: a workspace of its own, and a lab that is taken down whatever happens."""

from __future__ import annotations

import ipaddress
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.measure import BenchError, Job, run
from lbctl.desired import load
from lbctl.haproxy import stats
from lbctl.haproxy.additions import SOCKET_PATH
from lbctl.lab import Lab
from lbctl.lab.from_cluster import Options, from_cluster
from lbctl.lab.registry import Paths
from lbctl.lab.status import status

REPOSITORY = Path(__file__).parent.parent
LBCTL = Path(sys.executable).with_name("lbctl")  # the command as it is installed, not `python -m lbctl`
PREFIX = "bench"
CLUSTER = "lbctl-bench"  # a name of its own: with another lab's name, lbctl would not know which one is meant
PYTHON_ON_NODES = ("python3", "python3-apt")  # one of the peers runs on it
ONE_MORE = "bench-added"
APPLIED = "Applied: "
PATIENCE = (
    90.0  # seconds for HAProxy's checks to see a controller go (three, 10 s apart) and for a VIP to return
)


@dataclass(frozen=True)
class Place:
    """`usual` and `added` are cluster files that differ in one member of the controllers."""

    folder: Path
    lab: Lab
    usual: Path
    added: Path

    @property
    def nodes(self) -> tuple[str, ...]:
        """The first has the highest priority: the VIP is at home there."""
        return tuple(node.name for node in self.lab.spec.nodes)

    @property
    def inside(self) -> tuple[str, ...]:
        """What runs a command in the operator's namespace of the lab."""
        return ("nsenter", f"--net=/run/netns/{self.lab.namespace('net')}", "--")

    def lbctl(self, name: str, *words: str, file: Path | None = None, expect: str = "") -> Job:
        argv = (str(LBCTL), *words, *(("-f", str(file)) if file else ()))
        return Job(name, (argv,), self.folder, (("LBCTL_LAB", PREFIX),), expect)

    def settle(self) -> None:
        """Wait until the VIP is at home, and every node's HAProxy sees of each controller whether it runs.

        Raises BenchError with what is not so when it lasts too long.
        """
        deadline = time.monotonic() + PATIENCE
        while wrong := self._unsettled():
            if time.monotonic() > deadline:
                raise BenchError(f"the lab does not settle: {', '.join(wrong[:5])}")
            time.sleep(0.5)

    def _unsettled(self) -> list[str]:
        now = status(self.lab)
        home = self.nodes[:1]
        on = {one.name: one.on for one in now.machines if one.kind == "controller"}
        ask = f"echo 'show stat -1 4 -1' | socat -t 5 - UNIX-CONNECT:{SOCKET_PATH}"
        astray = [f"{vip} is not on {home[0]} alone" for vip in now.vips if now.holders(vip) != home]
        return astray + [
            f"{node}: {said}" for node in self.nodes for said in misjudged(self.lab.sh(node, ask), on)
        ]

    @property
    def straight_config(self) -> Path:
        """An ssh_config for who is inside the namespace already: no proxy command."""
        return self.folder / "ssh_config"


def misjudged(stat: str, on: Mapping[str, bool]) -> list[str]:
    """What HAProxy's `show stat` says of servers that are otherwise; on the way from one to the other too."""
    return [
        f"{one.backend}/{one.server} {one.status}"
        for one in stats.servers(stat)
        if one.status != ("UP" if on[one.server] else "DOWN")
    ]


@contextmanager
def place(say: Callable[[str], None]) -> Iterator[Place]:
    """A lab with the guide's cluster applied to it. Raises BenchError when there is one already."""
    if Paths(PREFIX).root.exists():
        raise BenchError(f"a lab {PREFIX} is up: lbctl lab down --prefix {PREFIX}, unless another bench runs")
    folder = Path(tempfile.mkdtemp(prefix="lbctl-bench-"))
    lab = None
    try:
        usual, added = _write_files(folder)
        spec = from_cluster(
            load(added, secrets=False), Options(prefix=PREFIX, extra_packages=PYTHON_ON_NODES)
        )
        lab = Lab.up(spec, say)
        made = Place(folder, lab, usual, added)
        _straight(lab, made.straight_config)
        say("applying the cluster file")
        _apply(made)
        yield made
    finally:
        if lab is not None:
            lab.down()
        shutil.rmtree(folder)


def _write_files(folder: Path) -> tuple[Path, Path]:
    """The guide's cluster under a name of its own; and the same with one controller more."""
    tree: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests/cases/cluster/guide/cluster.yaml").read_text())
    tree["cluster"] = CLUSTER
    usual, added = folder / "cluster.yaml", folder / "added.yaml"
    usual.write_text(yaml.safe_dump(tree, sort_keys=False))
    last = max(ipaddress.ip_address(address) for address in tree["controllers"].values())
    tree["controllers"][ONE_MORE] = str(last + 1)
    added.write_text(yaml.safe_dump(tree, sort_keys=False))
    return usual, added


def _straight(lab: Lab, path: Path) -> None:
    lines = lab.ssh_config.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if "ProxyCommand" not in line) + "\n")


def _apply(made: Place) -> None:
    run(made.lbctl("lbctl apply", "apply", "--yes", expect=APPLIED), made.folder)
