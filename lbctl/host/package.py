"""Packages: installed or absent, at a version that matches a pattern. apt now; see _ASK for another one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lbctl.model.change import Action, Change
from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Probe, command
from lbctl.model.kind import Work
from lbctl.model.resource import Address, Resource, Unknown, resource

# one line a package: its name, its version, and a second letter "i" when it is installed whole
_ASK = "command -v dpkg-query >/dev/null && dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' "


def versions_probe(names: Iterable[str], name: str = "package") -> Probe:
    """Which of these packages are installed, and at which version."""
    # dpkg-query ends with 1 when a package is not known, which is an answer and no fault
    return Probe(name, f"{_ASK} {shlex.join(names)} 2>/dev/null; [ $? -le 1 ]")


def versions(answers: Answers, name: str = "package") -> dict[str, str] | None:
    """By package, of those that are installed whole; None when dpkg-query did not answer."""
    answer = answers.get(name)
    if answer is None or answer.status != 0:
        return None
    found = {}
    for line in answer.text.splitlines():
        name, version, status = (*line.split(), "", "")[:3]
        if status[1:2] == "i":  # also "hi": apt-mark hold says what shall not become of it
            found[name] = version
    return found


class PackageKind:
    """Installing stands apart from the other works: it is done first, with the services held back."""

    name = "package"

    def desired(self, node: Node, key: str) -> Sequence[Resource]:
        found = []
        for package in node.packages:
            values: dict[str, str | bool] = {"installed": not package.absent}
            if package.version:
                values["version"] = package.version
            found.append(resource(Address(node.name, self.name, package.name), values))
        return found

    def probes(self, wanted: Sequence[Resource]) -> Sequence[Probe]:
        return [versions_probe([r.address.name for r in wanted])] if wanted else []

    def live(self, wanted: Sequence[Resource], answers: Answers, key: str) -> Sequence[Resource | Unknown]:
        if not wanted:
            return []
        found = versions(answers)
        if found is None:
            return [Unknown(r.address, "dpkg-query did not answer: only apt is known") for r in wanted]
        return [self._live(r, found.get(r.address.name)) for r in wanted]

    def _live(self, wanted: Resource, version: str | None) -> Resource:
        values: dict[str, str | bool] = {"installed": version is not None}
        pattern = wanted.value("version")
        if isinstance(pattern, str) and version is not None:
            # a patch level that matches is not a difference
            values["version"] = pattern if fnmatchcase(version, pattern) else version
        return resource(wanted.address, values)

    def work(self, change: Change) -> Work:
        name = change.address.name
        assert change.action is not Action.DELETE, "a package that is dropped is only forgotten"
        if change.action is Action.UPGRADE:
            return _upgrade(change)
        if change.desired is None or change.desired.value("installed") is False:
            return Work(swap=(command("apt_remove", name),))
        return Work()

    def install(self, changes: Sequence[Change]) -> tuple[str, ...]:
        """NAME or NAME=VERSION for what has to be installed; `version` patterns are apt's own."""
        found = []
        for change in changes:
            if change.desired is not None and change.desired.value("installed"):
                version = change.desired.value("version")
                found.append(f"{change.address.name}={version}" if version else change.address.name)
        return tuple(found)


def _upgrade(change: Change) -> Work:
    """Both versions beside before a node is touched: neither the install nor its undo needs a network.

    The install itself is a step of its own (rollout/upgrade.py), with the node held out of the election.
    """
    name, moved = change.address.name, change.differences[0]
    old, new = str(moved.before), str(moved.after)
    again = change.live is not None and change.live.value("again") is True
    stage = command("stage_package", name, new, *((old,) if again else ()))
    return Work(stage=(stage,), save=(command("save_package", name, old),))
