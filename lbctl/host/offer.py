"""What a node's apt offers of its packages: what is installed, its candidate, and is there a way back?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lbctl.model.command import Answers, Probe
from lbctl.model.upgrade import Offer

_ARCHIVES = "/var/cache/apt/archives"
_SOURCE = re.compile(r"\s+-?\d+ (?!/var/lib/dpkg/status)\S")
_ALONG = re.compile(r"Inst (\S+) (?:\[\S+\] )?\((\S+) ")
_VERSION = re.compile(r" (?:\*\*\*|   ) (\S+) -?\d+$")


def probes(names: Sequence[str]) -> list[Probe]:
    """apt's own words; nothing is fetched, and nothing changed. What it warns of is no part of them."""
    words = shlex.join(names)
    files = " ".join(f"{shlex.quote(name)}_*.deb" for name in names)
    pretend = "apt-get -s -q install $p 2>/dev/null | sed -n 's/^Inst/ &/p'"
    return [
        Probe("policy", f"command -v apt-cache >/dev/null && apt-cache policy {words} 2>/dev/null"),
        Probe("held", f"apt-mark showhold {words} 2>/dev/null"),
        Probe("along", f'for p in {words}; do echo "$p:"; {pretend}; done'),
        # what apt has fetched before; a file of a `file:` source is none of these
        Probe("archives", f"cd {_ARCHIVES} && ls {files} 2>/dev/null; :"),
    ]


def offers(names: Sequence[str], answers: Answers) -> tuple[Offer, ...] | None:
    """One for each package, in their order; None when apt-cache did not answer."""
    policy = answers.get("policy")
    if policy is None or policy.status != 0:
        return None
    held = answers["held"].text.split() if "held" in answers else []
    kept = answers["archives"].text.split() if "archives" in answers else []
    blocks = dict(_blocks(policy.text))
    along = dict(_blocks(answers["along"].text)) if "along" in answers else {}
    return tuple(
        replace(
            _offer(name, blocks.get(name, []), kept),
            held=name in held,
            along=_along(name, along.get(name, [])),
        )
        for name in names
    )


def _offer(name: str, lines: Sequence[str], kept: Sequence[str]) -> Offer:
    installed, candidate = _said(lines, "Installed"), _said(lines, "Candidate")
    # in a file's name the colon of an epoch is written so
    fetched = any(file.startswith(f"{name}_{installed.replace(':', '%3a')}_") for file in kept)
    return Offer(name, installed, candidate, again=fetched or installed in _sourced(lines))


def _along(name: str, lines: Sequence[str]) -> tuple[str, ...]:
    """What apt would install beside it, by what it says when it only pretends to."""
    found = (said for line in lines if (said := _ALONG.search(line)))
    return tuple(f"{said[1]} {said[2]}" for said in found if said[1] != name)


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """apt-cache's answer by package: a name at the margin, and its lines below it."""
    name, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith(" "):
            lines.append(line)
            continue
        yield name, lines
        name, lines = line.strip().rstrip(":"), []
    yield name, lines


def _said(lines: Sequence[str], word: str) -> str:
    found = next(
        (line.partition(":")[2].strip() for line in lines if line.strip().startswith(f"{word}:")), ""
    )
    return "" if found == "(none)" else found


def _sourced(lines: Sequence[str]) -> set[str]:
    """The versions that a source has, and not dpkg's own record of what is installed alone."""
    found, version = set(), ""
    for line in lines:
        if said := _VERSION.match(line):
            version = said[1]
        elif version and _SOURCE.match(line):
            found.add(version)
    return found
