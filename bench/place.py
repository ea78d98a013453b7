"""Where it is measured: a workspace of its own, and a lab that is taken down whatever happens."""

from __future__ import annotations

import ipaddress
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.measure import BenchError, Job, run
from lbctl.desired import load
from lbctl.lab import Lab
from lbctl.lab.from_cluster import Options, from_cluster
from lbctl.lab.registry import Paths

REPOSITORY = Path(__file__).parent.parent
LBCTL = Path(sys.executable).with_name("lbctl")  # the command as it is installed, not `python -m lbctl`
PREFIX = "bench"
CLUSTER = "lbctl-bench"  # a name of its own: with another lab's name, lbctl would not know which one is meant
PYTHON_ON_NODES = ("python3", "python3-apt")  # one of the peers runs on it
ONE_MORE = "bench-added"


@dataclass(frozen=True)
class Place:
    """`usual` and `added` are cluster files that differ in one member of the controllers."""

    folder: Path
    lab: Lab
    usual: Path
    added: Path

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.lab.spec.nodes)

    @property
    def inside(self) -> tuple[str, ...]:
        """What runs a command in the operator's namespace of the lab."""
        return ("nsenter", f"--net=/run/netns/{self.lab.namespace('net')}", "--")

    def lbctl(self, name: str, *words: str, file: Path | None = None, expect: str = "") -> Job:
        argv = (str(LBCTL), *words, *(("-f", str(file)) if file else ()))
        return Job(name, (argv,), self.folder, (("LBCTL_LAB", PREFIX),), expect)

    @property
    def straight_config(self) -> Path:
        """An ssh_config for who is inside the namespace already: no proxy command."""
        return self.folder / "ssh_config"


@contextmanager
def place(say: Callable[[str], None]) -> Iterator[Place]:
    """A lab with the repository's cluster applied to it. Raises BenchError when there is one already."""
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
    """The repository's cluster under a name of its own; and the same with one controller more."""
    tree: dict[str, Any] = yaml.safe_load((REPOSITORY / "cluster.yaml").read_text())
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
    run(made.lbctl("lbctl apply", "apply", "--yes", expect=r"Applied: "), made.folder)
