"""A cluster as lint looks at it: as it shall be, or as its nodes were gathered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lbctl.lint import Machine, Subject, Text
from lbctl.model.cluster import MAIN_FILES, Cluster, ManagedFile, Node
from lbctl.model.content import Content
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, Resource
from lbctl.planning.meaning import document, live_document


def desired(cluster: Cluster, gathered: Mapping[str, Facts] = MappingProxyType({})) -> Subject:
    """What the cluster file says, and of nodes that were gathered what it leaves as it is.

    Secrets that were not resolved are masked, and nothing is found in them.
    """
    machines = tuple(_desired(node, gathered.get(node.name)) for node in cluster.nodes)
    return Subject(cluster.name, machines, additions=cluster.additions)


def live(cluster: Cluster, gathered: Mapping[str, Facts]) -> Subject:
    """What the nodes have of what the cluster file names. Nodes that were not gathered are left out."""
    machines = tuple(_live(node, gathered[node.name]) for node in cluster.nodes if node.name in gathered)
    return Subject(cluster.name, machines, live=True, additions=cluster.additions)


def _desired(node: Node, facts: Facts | None) -> Machine:
    return Machine(
        node.name,
        node.address,
        _text(node.file_of("haproxy")),
        _text(node.file_of("keepalived")),
        frozenset(one.name for one in node.packages if not one.absent),
        {one.key: one.value for one in node.sysctls},
        {one.path: one.content for one in node.files if not one.daemon and not one.absent},
        tools=facts.tools if facts else None,
    )


def _text(file: ManagedFile | None) -> Text | None:
    if file is None:
        return None
    content = file.content if file.content.resolved else Content(file.content.shown, file.content.shown)
    found = document(file.daemon, content)
    return Text(replace(found, file=file.path), file.places) if found else None


def _live(node: Node, facts: Facts) -> Machine:
    packages = {one.name for one in node.packages if _value(facts, node, "package", one.name, "installed")}
    values = {one.key: _value(facts, node, "sysctl", one.key, "live") for one in node.sysctls}
    machine = Machine(
        node.name,
        node.address,
        _gathered(facts, "haproxy"),
        _gathered(facts, "keepalived"),
        frozenset(packages),
        {key: str(value) for key, value in values.items() if value is not None},
        dict(_contents(node, facts)),
        addresses=facts.held,
    )
    return _amid(machine, facts)


def _amid(machine: Machine, facts: Facts) -> Machine:
    """With what no cluster file says of the node."""
    unit = facts.daemon("haproxy")
    return replace(
        machine,
        tools=facts.tools,
        claimed=facts.claimed,
        loads=facts.loads,
        open_files=unit.open_files if unit else 0,
    )


def _gathered(facts: Facts, daemon: str) -> Text | None:
    found = live_document(facts, daemon)
    return Text(replace(found, file=MAIN_FILES[daemon])) if found else None


def _contents(node: Node, facts: Facts) -> list[tuple[str, Content]]:
    paths = [one.path for one in node.files if not one.daemon]
    found = [(path, facts.live(Address(node.name, "file", path))) for path in paths]
    return [(path, r.content) for path, r in found if isinstance(r, Resource) and r.content is not None]


def _value(facts: Facts, node: Node, kind: str, name: str, attribute: str) -> object:
    found = facts.live(Address(node.name, kind, name))
    return found.value(attribute) if isinstance(found, Resource) else None
