"""The daemons' main files: one text for all nodes where only words differ, else one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lbctl.adopt.clusterfile import Value
from lbctl.adopt.live import DAEMONS, Live
from lbctl.adopt.nodes import Subject
from lbctl.adopt.secrets import Safe, without_secrets
from lbctl.adopt.template import Subjects, Texts, template
from lbctl.document import Document, encode, holds_secret
from lbctl.keepalived.views import instances
from lbctl.model.adoption import Thing, Written
from lbctl.model.cluster import MAIN_FILES

_NAMES = {"haproxy": "haproxy.cfg", "keepalived": "keepalived.conf"}


@dataclass
class Daemons:
    """`common` and `own` (by node) are parts of the cluster file, `values` what its references stand for."""

    nodes: Sequence[Subject]
    safe: Safe = field(default_factory=Safe)
    values: dict[str, Texts] = field(default_factory=dict)
    common: dict[str, Value] = field(default_factory=dict)
    own: dict[str, dict[str, Value]] = field(default_factory=dict)
    files: list[Written] = field(default_factory=list)
    taken: list[Thing] = field(default_factory=list)


def daemons(nodes: Sequence[Subject]) -> Daemons:
    made = Daemons(nodes)
    for unit in DAEMONS:
        found = [(node, document) for node in nodes if (document := node.live.document(unit))]
        if found:
            _take(made, unit, found)
    return made


def _take(made: Daemons, unit: str, found: Sequence[tuple[Subject, Document]]) -> None:
    texts = tuple(without_secrets(document, made.safe) for _, document in found)
    attributes = [_attributes(node.live, unit, document) for node, document in found]
    if len(found) == len(made.nodes) and _woven(made, unit, texts, found[0][1], attributes):
        return
    for (node, _), text, own in zip(found, texts, attributes, strict=True):
        path = f"{node.name}/{_NAMES[unit]}"
        made.own.setdefault(node.name, {})[unit] = {"file": path, **own}
        made.files.append(Written(path, encode(text)))
    names = tuple(node.name for node, _ in found)
    made.taken.append(Thing(MAIN_FILES[unit], names, "a file for each node: more than words differ"))


def _woven(
    made: Daemons, unit: str, texts: Texts, first: Document, attributes: Sequence[Mapping[str, Value]]
) -> bool:
    """One file for all, where that can be."""
    about = Subjects(tuple(one.name for one in made.nodes), tuple(one.address for one in made.nodes))
    blocks = instances(first) if unit == "keepalived" else ()
    found = template(texts, about, made.values, blocks)
    if found is None:
        return False
    made.values.update(found.values)
    made.files.append(Written(_NAMES[unit], encode(found.text)))
    common = shared(attributes)
    made.common[unit] = {"file": _NAMES[unit], **common}
    for node, own in zip(made.nodes, attributes, strict=True):
        if apart := {key: value for key, value in own.items() if key not in common}:
            made.own.setdefault(node.name, {})[unit] = apart
    said = "one file for all nodes" if len(made.nodes) > 1 else ""
    made.taken.append(Thing(MAIN_FILES[unit], about.names, said))
    return True


def _attributes(live: Live, unit: str, document: Document) -> dict[str, Value]:
    """What of the file's mode and owner lbctl would not write by itself."""
    file = live.files[MAIN_FILES[unit]]
    usual = {"mode": "0600" if holds_secret(document) else "0644", "owner": "root", "group": "root"}
    own = {"mode": file.mode, "owner": file.owner, "group": file.group}
    return {key: value for key, value in own.items() if value != usual[key]}


def shared(each: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """What all of them say alike."""
    pairs = each[0].items()
    return {key: value for key, value in pairs if all(key in one and one[key] == value for one in each)}
