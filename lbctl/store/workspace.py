"""The directory of a cluster file, with plans/ and state/ beside it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lbctl.errors import LocalError, PlanFileError
from lbctl.store import history
from lbctl.store.atomic import PRIVATE_FILE, make_dir, read, write
from lbctl.store.history import HistoryEntry
from lbctl.store.plans import AGAIN
from lbctl.store.runs import Runs


@dataclass(frozen=True)
class Workspace:
    """`root` is where the cluster file lies. Directories are made when something is written to them."""

    root: Path

    def cluster(self, name: str) -> ClusterState:
        """What is kept about one cluster."""
        return ClusterState(self.root / "state" / name)


def workspace_of(cluster_file: Path) -> Workspace:
    """The workspace that a cluster file lies in."""
    return Workspace(cluster_file.resolve().parent)


@dataclass(frozen=True)
class ClusterState:
    """One cluster's history, runs, used plans and earlier desired states. Losing it loses history only."""

    path: Path

    @property
    def runs(self) -> Runs:
        """The evidence of every run from this workspace."""
        return Runs(self.path / "runs")

    def cluster_id(self) -> str:
        """The id that nodes of this cluster carry; made at the first call and kept."""
        kept = self.path / "cluster-id"
        found = read(kept).strip()
        if not found:
            found = uuid.uuid4().hex
            write(kept, found + "\n")
        return found

    def is_used(self, plan_id: str) -> bool:
        """Was an apply of this plan begun?"""
        return self._used(plan_id).exists()

    def refuse_used(self, plan_id: str) -> None:
        """Raises PlanFileError when an apply of this plan was begun."""
        if self.is_used(plan_id):
            raise _used_already(plan_id)

    def mark_used(self, plan_id: str) -> None:
        """Note that an apply of this plan begins. Raises PlanFileError when one has begun before.

        Made with O_EXCL: of two applies of one plan at the same time, one is refused.
        """
        used = self._used(plan_id)
        make_dir(used.parent)
        try:
            os.close(os.open(used, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        except FileExistsError as error:
            raise _used_already(plan_id) from error
        except OSError as error:
            raise LocalError(f"cannot write {used}", detail=str(error)) from error

    def append_history(self, entry: HistoryEntry) -> None:
        """Add an entry at the end."""
        history.append(self.path / "history.jsonl", entry)

    def history(self) -> tuple[HistoryEntry, ...]:
        """Every apply from this workspace, oldest first."""
        return tuple(history.entries(self.path / "history.jsonl"))

    def keep_desired(self, serial: int, text: str, sources: Mapping[str, bytes]) -> None:
        """Keep the cluster file's text of a serial, and what it names beside itself; none holds a secret."""
        kept = self.desired_file(serial)
        for name, data in sources.items():
            write(kept.parent / os.path.normpath(name), data)
        write(kept, text)  # the last: whoever finds it finds all

    def desired(self, serial: int) -> str:
        """The cluster file's text of a serial, "" when it is not kept here."""
        return read(self.desired_file(serial))

    def desired_file(self, serial: int) -> Path:
        """Where that is, with the files that it names beside it."""
        return self.path / "desired" / str(serial) / "cluster.yaml"

    def serials(self) -> tuple[int, ...]:
        """Those whose cluster file is kept here, the latest first."""
        found = (self.path / "desired").glob("*/cluster.yaml")
        return tuple(sorted((int(p.parent.name) for p in found if p.parent.name.isdigit()), reverse=True))

    def _used(self, plan_id: str) -> Path:
        return self.path / "used" / plan_id


def _used_already(plan_id: str) -> PlanFileError:
    return PlanFileError(f"plan {plan_id} was used already: a plan is applied once", mend=AGAIN)
