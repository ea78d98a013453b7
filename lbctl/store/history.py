"""What was applied: one line of JSON a run, in the order of their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lbctl.model.outage import Figures
from lbctl.store.atomic import append_line, read
from lbctl.store.codec import MalformedError, decode, encode


@dataclass(frozen=True)
class NodeSerial:
    node: str
    serial: int


@dataclass(frozen=True)
class HistoryEntry:
    """One apply: `code` is its exit code, `when` its end (UTC), `serials` where it left the nodes.

    `requests` are those that were asked meanwhile, None = none were.
    """

    when: str
    who: str
    plan: str
    code: int
    seconds: float
    serials: tuple[NodeSerial, ...]
    summary: str = ""
    requests: Figures | None = None


def append(path: Path, entry: HistoryEntry) -> None:
    """Add an entry at the end."""
    append_line(path, json.dumps(encode(entry), sort_keys=True))


def entries(path: Path) -> Iterator[HistoryEntry]:
    """The entries, oldest first. A line that a crash cut short is left out: the nodes hold the truth."""
    for line in read(path).splitlines():
        try:
            yield decode(HistoryEntry, json.loads(line), "history")
        except (MalformedError, json.JSONDecodeError):
            continue
