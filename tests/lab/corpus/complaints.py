"""What the daemons complain about, so that it can be compared between two texts of one file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

Place = Callable[[int], int]

_HAPROXY = re.compile(r"\[(?:ALERT|WARNING)\]\s+\(\d+\) : config : (.*)")
_GENERAL = ("Error(s) found in configuration file", "Fatal errors found in configuration")
_LINE = re.compile(r"((?:FILE:|\bline |\(Line |\(FILE: Line ))(\d+)")


@dataclass(frozen=True)
class Complaint:
    """One. `line` is that of the original text, 0 where none is named; so are the numbers in its text."""

    line: int
    text: str


def haproxy(said: bytes, file: str, place: Place = lambda line: line) -> Counter[Complaint]:
    """`place` gives the original number of a line that is named, 0 for one that is new."""
    texts = _HAPROXY.findall(said.decode("utf-8", "replace"))
    return Counter(_complaint(text, file, place) for text in texts if not text.startswith(_GENERAL))


def keepalived(said: bytes, file: str, place: Place = lambda line: line) -> Counter[Complaint]:
    texts = said.decode("utf-8", "replace").splitlines()
    return Counter(_complaint(text, file, place) for text in texts if text.strip())


def _complaint(text: str, file: str, place: Place) -> Complaint:
    text = _LINE.sub(lambda match: f"{match[1]}{place(int(match[2]))}", text.replace(file, "FILE"))
    first = _LINE.search(text)
    return Complaint(int(first[2]) if first else 0, text.strip())
