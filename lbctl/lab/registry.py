"""Which labs are up on this machine, and where each one keeps its things.

Cheap to import: `plan` asks here for a cluster that lives only in a lab.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

RUN = Path("/run/lbctl/lab")


@dataclass(frozen=True)
class Paths:
    """The names and places of one lab. Everything that it makes carries `lbctl-PREFIX`."""

    prefix: str

    @property
    def root(self) -> Path:
        return RUN / self.prefix

    @property
    def record(self) -> Path:
        """There as long as the lab is up, whole."""
        return self.root / "lab.json"

    @property
    def ssh_config(self) -> Path:
        return self.root / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def key(self) -> Path:
        return self.root / "id_ed25519"

    @property
    def group(self) -> str:
        """The control group that holds every process of the lab."""
        return f"lbctl-{self.prefix}"

    def node(self, name: str) -> Path:
        return self.root / "node" / name

    def log(self, name: str) -> Path:
        return self.root / "log" / name

    def namespace(self, name: str) -> str:
        """The network namespace of something in the lab; `net` has the bridges and the operator's end."""
        return f"lbctl-{self.prefix}-{name}"


@dataclass(frozen=True)
class Found:
    """A lab that is up."""

    prefix: str
    cluster: str
    ssh_config: Path


def find(name: str) -> Found | None:
    """The lab that is up for a cluster of that name, or else with that prefix; None when there is none."""
    labs = found()
    by_cluster = (lab for lab in labs if lab.cluster == name)
    by_prefix = (lab for lab in labs if lab.prefix == name)
    return next(by_cluster, None) or next(by_prefix, None)


def found() -> list[Found]:
    """Every lab that is up, by prefix."""
    labs = []
    for record in sorted(RUN.glob("*/lab.json")):
        try:
            data = json.loads(record.read_bytes())
        except (OSError, ValueError):  # going down in this moment, or another user's
            continue
        paths = Paths(record.parent.name)
        labs.append(Found(paths.prefix, data["cluster"], paths.ssh_config))
    return labs
