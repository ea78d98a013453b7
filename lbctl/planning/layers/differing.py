"""Nodes that differ from each other in what ought to be the same on all of them. Pure.

Each is held against what most of them have; of two the first one counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from lbctl.model.cluster import MAIN_FILES, Cluster
from lbctl.model.facts import Facts
from lbctl.model.report import DIFFERS, DriftItem
from lbctl.model.resource import Address
from lbctl.planning import semantic
from lbctl.planning.meaning import document, live_document

_MAJOR = re.compile(r"\D*\d+")

Value = TypeVar("Value", bound=Hashable)


def findings(cluster: Cluster, gathered: Mapping[str, Facts]) -> Iterator[DriftItem]:
    """Versions of packages, the daemons' files beyond what the cluster file makes differ, and the systems."""
    yield from _versions(gathered)
    for daemon in MAIN_FILES:
        yield from _documents(cluster, gathered, daemon)
    systems = {name: found[0] for name, facts in gathered.items() if (found := _MAJOR.match(facts.os))}
    for name, theirs in odd(systems).items():
        text = f"it runs {systems[name]}, and {', '.join(theirs)} {systems[theirs[0]]}"
        yield DriftItem(name, "note", name, text=text)


def odd(values: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    """By node that has not the value which most have: those that have it."""
    if len(set(values.values())) < 2:
        return {}
    most = Counter(values.values()).most_common(1)[0][0]  # of several the first
    theirs = tuple(name for name, value in values.items() if value == most)
    return {name: theirs for name, value in values.items() if value != most}


def _versions(gathered: Mapping[str, Facts]) -> Iterator[DriftItem]:
    """One that is missing is no version: where it is wanted, that is drift."""
    found = {name: dict(facts.layers.versions) for name, facts in gathered.items() if facts.layers}
    for package in sorted({package for versions in found.values() for package in versions}):
        values = {name: versions[package] for name, versions in found.items() if package in versions}
        for name, theirs in odd(values).items():
            text = f"{values[name]}, and {values[theirs[0]]} on {', '.join(theirs)}"
            yield DriftItem(name, DIFFERS, str(Address(name, "package", package)), text=text)


def _documents(cluster: Cluster, gathered: Mapping[str, Facts], daemon: str) -> Iterator[DriftItem]:
    """Each node's file against its own part of the cluster file: what is left is nobody's intent."""
    values: dict[str, tuple[str, ...]] = {}
    for name, facts in gathered.items():
        live, wanted = live_document(facts, daemon), cluster.node(name).file_of(daemon)
        if live is not None and wanted is not None:
            found = semantic.diff(document(daemon, wanted.content), live)
            values[name] = tuple(cluster.scrubbed(str(one)) for one in found)
    for name, theirs in odd(values).items():
        said = [one for one in values[name] if one not in values[theirs[0]]]
        said += [f"not here: {one}" for one in values[theirs[0]] if one not in values[name]]
        text = "\n".join([f"not as on {', '.join(theirs)}:", *said])
        yield DriftItem(name, DIFFERS, str(Address(name, "file", MAIN_FILES[daemon])), text=text)
