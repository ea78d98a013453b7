"""What is kept of a run: how it began, and how it ended if it did."""

from __future__ import annotations

from dataclasses import dataclass

from lbctl.model.report import ApplyReport, Exit

OUTCOMES = {
    Exit.DONE: "done",
    Exit.ERROR: "nothing changed",
    Exit.STOPPED: "stopped",
    Exit.NEEDS_PERSON: "needs a person",
}


@dataclass(frozen=True)
class RunRecord:
    """A run as it began. `what` is the command; `began` is in UTC, ISO 8601; `nodes` in the file's order."""

    id: str
    what: str
    cluster: str
    plan: str
    who: str
    began: str
    lbctl: str
    python: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class KeptRun:
    """A run that is looked back at. `record` is None where another lbctl wrote it in a form of its own.

    Without a report it is under way, or was cut off; one that is there and cannot be read is `unread`.
    """

    id: str
    record: RunRecord | None
    report: ApplyReport | None
    under_way: bool = False
    unread: bool = False

    @property
    def outcome(self) -> str:
        if self.under_way:
            return "under way"
        if self.report is not None:
            return OUTCOMES[self.report.code]
        return "unknown" if self.unread else "cut off"

    @property
    def went_well(self) -> bool:
        return self.report is not None and self.report.code is Exit.DONE


@dataclass(frozen=True)
class PackedFile:
    """`size` in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Pack:
    """A run's evidence in one file, to be given away."""

    run: KeptRun
    file: str
    contents: tuple[PackedFile, ...]
