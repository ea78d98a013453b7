"""Each node's part in the instances: what every check of keepalived and VRRP begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lbctl.document import Document, Statement
from lbctl.errors import Place, Problem
from lbctl.keepalived.advert import Awaited, awaited
from lbctl.keepalived.election import effective_priority
from lbctl.keepalived.reader import blocks, read
from lbctl.keepalived.views import (
    Instance,
    Script,
    SyncGroup,
    Track,
    TrackFile,
    TrackProcess,
    instances,
    scripts,
    sync_groups,
    track_files,
    track_processes,
)

if TYPE_CHECKING:
    from lbctl.lint.subject import Machine, Subject, Text

Found = Iterator[tuple[str, Problem]]

_INDIRECT = ("include", "~", "@")


@dataclass(frozen=True, eq=False)
class Part:
    """One node's part in one instance, with what its file defines. `advert` is what it waits for from others,
    None where nothing can come: without an interface or a VIP."""

    machine: Machine
    text: Text
    instance: Instance
    scripts: tuple[Script, ...]
    files: tuple[TrackFile, ...]
    processes: tuple[TrackProcess, ...]
    group: SyncGroup | None
    advert: Awaited | None

    @property
    def node(self) -> str:
        return self.machine.name

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def place(self) -> Place:
        return self.text.place(self.instance.line)

    @property
    def checks(self) -> tuple[Track, ...]:
        """The scripts and processes that it follows, itself or with its sync group."""
        followers = (self.instance, self.group) if self.group else (self.instance,)
        return tuple(track for one in followers for track in (*one.scripts, *one.processes))

    @property
    def block(self) -> Statement:
        """The instance as it is written, with definitions put in."""
        tree = read(self.text.document, self.machine.name)
        return next(one for one in blocks(tree, "vrrp_instance") if one.line == self.instance.line)

    def weight(self, track: Track) -> int:
        """Of a script or process; 0 = its failure means FAULT."""
        weights = {one.name: one.weight for one in self.scripts}
        weights |= {one.name: one.weight for one in self.processes}
        return weights.get(track.name, 0) if track.weight is None else track.weight

    def priority(self, failing: str = "") -> int:
        """The effective one while all checks but this one are well; 0 = FAULT."""
        well = {failing: False}
        return effective_priority(
            self.instance,
            self.scripts,
            self.files,
            processes=self.processes,
            group=self.group,
            succeeding=well,
            running=well,
        )


def texts(subject: Subject) -> Iterator[tuple[Machine, Text]]:
    """Each node with its keepalived.conf, where that is known."""
    return ((machine, machine.keepalived) for machine in subject.machines if machine.keepalived)


def parts(machine: Machine) -> tuple[Part, ...]:
    """The node's part in each instance of its file.

    Lines for other nodes (`@id`) do not count. An instance with such lines, of which none names this node, is
    left out: keepalived goes by another name there, and nobody knows which.
    """
    text = machine.keepalived
    if text is None:
        return ()
    own, name = text.document, machine.name
    elsewhere = {one.line for one in own.statements if _named_otherwise(one, name)}
    adverts = {one.instance: one for one in awaited(own)}
    groups = {one.name: one for one in sync_groups(own, name)}
    defined = scripts(own, name), track_files(own, name), track_processes(own, name)
    return tuple(
        Part(machine, text, one, *defined, groups.get(one.sync_group), adverts.get(one.name))
        for one in instances(own, name)
        if one.line not in elsewhere
    )


def _named_otherwise(block: Statement, name: str) -> bool:
    marks = {one.keyword for one in block.children if one.keyword.startswith("@")}
    return bool(marks) and marks.isdisjoint((f"@{name}", f"@^{name}"))


def alone(subject: Subject) -> Iterator[Part]:
    """Every part of every node."""
    return (part for machine in subject.machines for part in machine.parts)


def together(subject: Subject) -> tuple[tuple[Part, ...], ...]:
    """The parts that elect one master: of one name, or where only one node has that, of one VRID."""
    named: dict[str, list[Part]] = {}
    for part in alone(subject):
        named.setdefault(part.instance.name, []).append(part)
    numbered: dict[object, list[Part]] = {}
    for own in named.values():
        if len(own) == 1:
            numbered.setdefault(_number(own[0]), []).append(own[0])
    groups = [own for own in named.values() if len(own) > 1]
    for own in numbered.values():
        nodes = {part.node for part in own}
        groups += [own] if len(nodes) == len(own) else [[part] for part in own]
    return tuple(tuple(own) for own in groups)


def _number(part: Part) -> object:
    number = part.instance.virtual_router_id
    return (number, part.advert.family if part.advert else 0) if number else part.name


def whole(document: Document) -> bool:
    """Is all that keepalived reads in this text? Not where it includes others, or is made by conditions."""
    return not any(one.keyword.startswith(_INDIRECT) for _, one in document.walk())


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
