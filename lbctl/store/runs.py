"""The evidence of each run, in a folder of its own: `state/CLUSTER/runs/ID/`.

ID = when the run began (UTC, so that ids sort by time) and its plan's id; one plan may be carried out more
than once. What is known is written when it is known: a run that was cut off leaves what there was until then.

    run.json       how it began: who, when, which plan, which lbctl
    plan.json      the plan as it was shown, as `lbctl plan --out` saves it
    cluster.yaml   the cluster file at that time; secrets are references in it
    events.jsonl   what happened, as `lbctl apply --json` prints it
    report.json    how it ended; a run without one is under way, or was cut off
    nodes/, missing.txt   of one that did not end well: what the nodes said, and what could not be had
"""

from __future__ import annotations

import difflib
import fcntl
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lbctl.errors import LocalError, UsageError
from lbctl.model.plan import Plan
from lbctl.model.record import KeptRun, RunRecord
from lbctl.model.report import ApplyReport
from lbctl.store.atomic import PRIVATE_DIR, PRIVATE_FILE, make_dir, read, write
from lbctl.store.codec import MalformedError, decode, encode
from lbctl.store.plans import save_plan

MOST = 100
"""Runs that are kept of those that ended well, and as many that did not, which come less often and so stay
longer. A run is some 20 to 500 kB, so this is a year or two, and a few MB."""

LATEST = "latest"
FORMAT_VERSION = 1
"""Of run.json and report.json."""

_EVENTS = "events.jsonl"
_LAST = 5  # ids that an error names

Noun = TypeVar("Noun")


class RunFolder:
    """One run's folder while it goes on. What cannot be written is a LocalError, and harms nothing else.

    It holds a lock on its events: the kernel gives that up with the process, however that ends.
    """

    def __init__(self, path: Path, record: RunRecord) -> None:
        self.path = path
        self.record = record
        self._torn = False
        self._events = _held(path / _EVENTS)
        _write(path / "run.json", "run", record)

    def event(self, line: str) -> None:
        """Add a line to the events, in one write."""
        data = f"{chr(10) if self._torn else ''}{line}\n".encode()
        try:
            written = os.write(self._events, data)
        except OSError as error:
            raise LocalError(f"cannot write {self.path / _EVENTS}", detail=str(error)) from error
        self._torn = written < len(data)
        if self._torn:
            raise LocalError(f"cannot write {self.path / _EVENTS}", detail="the disk is full")

    def keep(self, name: str, text: str) -> None:
        """Keep a text below the folder. Bytes that were not UTF-8 stand as \\xNN in it."""
        write(self.path / name, text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))

    def report(self, report: ApplyReport) -> None:
        """It has ended."""
        _write(self.path / "report.json", "report", report)

    def close(self) -> None:
        os.close(self._events)


@dataclass(frozen=True)
class Runs:
    """The runs of one cluster from this workspace."""

    path: Path

    def begin(self, record: Callable[[str], RunRecord], plan: Plan, text: str) -> RunFolder:
        """A new run's folder; `record` is made with its id, `text` is the cluster file's.

        Raises LocalError, and leaves nothing then: no run has begun.
        """
        made = self._new_folder(plan)
        try:
            folder = RunFolder(made, record(made.name))
            folder.keep("cluster.yaml", text)
            save_plan(made / "plan.json", plan)
        except LocalError as error:
            shutil.rmtree(made, ignore_errors=True)
            raise _cannot_begin(error) from error
        return folder

    def _new_folder(self, plan: Plan) -> Path:
        stem = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{plan.id}"
        for number in itertools.count(1):
            found = self.path / (stem if number == 1 else f"{stem}.{number}")
            try:
                make_dir(self.path)
                found.mkdir(mode=PRIVATE_DIR)
            except FileExistsError:
                continue
            except (OSError, LocalError) as error:
                raise _cannot_begin(error) from error
            break
        return found

    def all(self) -> tuple[KeptRun, ...]:
        """Every run that is kept, oldest first. Raises LocalError when they cannot be looked at."""
        return tuple(map(self._kept, self._ids()))

    def find(self, wanted: str) -> KeptRun:
        """The run of an id, of a beginning that no other one has, or the latest. Raises UsageError."""
        ids = self._ids()
        if not ids:
            raise UsageError(f"no run is kept in {self.path}", mend="an apply from this workspace keeps one")
        if wanted == LATEST or wanted in ids:
            return self._kept(ids[-1] if wanted == LATEST else wanted)
        found = [one for one in ids if wanted and one.startswith(wanted)]
        if len(found) == 1:
            return self._kept(found[0])
        if found:
            raise UsageError(
                f"{len(found)} runs begin with {wanted!r}",
                detail="\n".join(found[-_LAST:]),
                mend="give more of it: lbctl report lists them all",
            )
        near = difflib.get_close_matches(wanted, ids, n=_LAST)
        raise UsageError(
            f"there is no run {wanted!r}",
            detail="\n".join(["did you mean" if near else "the last ones are", *(near or ids[-_LAST:])]),
            mend="lbctl report lists them all; the last one is called latest",
        )

    def folder(self, run: KeptRun) -> Path:
        return self.path / run.id

    def prune(self) -> None:
        """Delete the oldest past MOST. Raises LocalError when they cannot be deleted.

        By a rename first: no half of a run is ever listed, and what a crash left goes the next time.
        """
        kept = [run for run in self.all() if not run.under_way]
        for well in (True, False):
            for run in [one for one in kept if one.went_well is well][:-MOST]:
                self._put_away(run)
        for gone in self.path.glob(".*.gone"):
            shutil.rmtree(gone, ignore_errors=True)

    def _put_away(self, run: KeptRun) -> None:
        try:
            self.folder(run).rename(self.path / f".{run.id}.gone")
        except FileNotFoundError:
            return  # another run, ending at the same time, was faster
        except OSError as error:
            raise LocalError(f"cannot delete {self.folder(run)}", detail=str(error)) from error

    def _ids(self) -> list[str]:
        try:
            return sorted(one.name for one in self.path.iterdir() if one.is_dir() and one.name[0] != ".")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LocalError(f"cannot read {self.path}", detail=str(error)) from error

    def _kept(self, name: str) -> KeptRun:
        path = self.path / name
        report = _decoded(ApplyReport, "report", path / "report.json")
        return KeptRun(
            name,
            _decoded(RunRecord, "run", path / "run.json"),
            report,
            under_way=_is_held(path / _EVENTS),
            unread=report is None and (path / "report.json").exists(),
        )


def _cannot_begin(error: Exception) -> LocalError:
    return LocalError(
        "the workspace cannot be written; nothing was changed",
        detail=str(error),
        mend="a run keeps its evidence there: make room, or make it writable",
    )


def _write(path: Path, name: str, noun: RunRecord | ApplyReport) -> None:
    form = {"format_version": FORMAT_VERSION, name: encode(noun)}
    write(path, json.dumps(form, indent=1) + "\n")


def _decoded(kind: type[Noun], name: str, path: Path) -> Noun | None:
    """The noun in a file, None where it was never written, or by another lbctl in another form."""
    with suppress(LocalError, MalformedError, ValueError, KeyError, TypeError):
        return decode(kind, json.loads(read(path))[name], name)
    return None


def _held(path: Path) -> int:
    """The events, open, and locked for as long as this process has them open."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    except OSError as error:
        raise LocalError(f"cannot write {path}", detail=str(error)) from error
    with suppress(OSError):  # a file system without locks: the run is called cut off while it goes on
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _is_held(path: Path) -> bool:
    """Does the process still live that writes these events?"""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
