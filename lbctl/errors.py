"""Every error that lbctl raises on purpose, one small tree.

LbctlError                  anything a user is told about; exit code 1 unless said otherwise
├── UsageError              the command line asks for something that cannot be
├── InputError              a file of the user's is wrong; carries every located Problem
├── LabError                the lab cannot be made, found or used
├── LocalError              a command on this machine failed
├── NodeError               one node; carries its name and the evidence (command, last lines)
│   ├── UnreachableError    no connection: down, unknown or changed host key, login refused
│   ├── BecomeError         sudo refused
│   ├── RemoteError         a command on the node failed
│   └── LockedError         somebody else works on the node
├── RefusedError            a plan that may not be applied: unsafe, foreign node, rejected candidate
├── PlanFileError           a saved plan cannot be used: cut short, edited, another cluster, used
└── StaleError              the plan's inputs have moved

Text: a short constant summary first, then what, why and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where in a file: 1-based line and column; 0 = unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file] + [str(n) for n in (self.line, self.column) if n]
        return ":".join(parts)


@dataclass(frozen=True)
class Problem:
    """One located finding. `level` is error, unsafe or warning; `mend` says what to do."""

    text: str
    place: Place | None = None
    mend: str = ""
    level: str = "error"
    code: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        mend = f"\n    {self.mend}" if self.mend else ""
        return f"{where}{self.text}{mend}"


class LbctlError(Exception):
    """Anything a user is told about. `mend` is the advice, on lines of its own."""

    def __init__(self, summary: str, *, detail: str = "", mend: str = "") -> None:
        self.summary = summary
        self.detail = detail
        self.mend = mend
        super().__init__("\n".join(part for part in (summary, detail, mend) if part))


class UsageError(LbctlError):
    """The command line asks for something that cannot be."""


class InputError(LbctlError):
    """A file of the user's is wrong. Every problem is collected before this is raised."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''} found",
            detail="\n".join(str(problem) for problem in self.problems),
        )


class LabError(LbctlError):
    """The lab cannot be made, found or used."""


class LocalError(LbctlError):
    """A command on this machine failed."""


class NodeError(LbctlError):
    """Something about one node, with its evidence."""

    def __init__(
        self, node: str, summary: str, *, detail: str = "", mend: str = "", evidence: Sequence[str] = ()
    ) -> None:
        self.node = node
        self.evidence = tuple(evidence)
        super().__init__(f"{node}: {summary}", detail="\n".join([detail, *evidence]).strip("\n"), mend=mend)


class UnreachableError(NodeError):
    """No connection: down, unknown or changed host key, login refused."""


class BecomeError(NodeError):
    """sudo refused."""


class RemoteError(NodeError):
    """A command on the node failed."""


class CommandError(RemoteError):
    """One of the commands that are lbctl's own failed: `function`, by its name there."""

    def __init__(self, node: str, function: str, *, detail: str = "", evidence: Sequence[str] = ()) -> None:
        self.function = function
        super().__init__(node, f"{function.replace('_', ' ')} failed", detail=detail, evidence=evidence)


class LockedError(NodeError):
    """Somebody else works on the node."""


class RefusedError(LbctlError):
    """A plan that may not be applied."""


class PlanFileError(LbctlError):
    """A saved plan cannot be used."""


class StaleError(LbctlError):
    """The plan's inputs have moved since it was made."""
