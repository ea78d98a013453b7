"""The nodes as they take part in an election: their documents, and what a dead HAProxy does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lbctl.document import Document
from lbctl.haproxy.views import Bind, binds
from lbctl.keepalived.views import Instance, SyncGroup
from lbctl.model.cluster import MAIN_FILES, Cluster, Node
from lbctl.model.content import Content
from lbctl.model.election import Holders
from lbctl.model.facts import Facts
from lbctl.model.resource import Resource
from lbctl.planning.election import DRAIN_FILE, Candidate, Standing, standing
from lbctl.planning.elections.contest import Key, News
from lbctl.planning.elections.sight import Sight, process_sight, sight
from lbctl.planning.meaning import document, live_document


@dataclass(frozen=True)
class Party:
    """A node that takes part. `files` are those of its other files whose text is known, by path."""

    node: str
    address: str
    keepalived: Document
    haproxy: Content | None = None
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    drain: int = 0

    @cached_property
    def binds(self) -> tuple[Bind, ...]:
        """Read when a check asks for it: the file may be a long one."""
        found = document("haproxy", self.haproxy)
        return tuple(one for one in binds(found) if one.first_port) if found else ()

    def listens(self, port: int) -> bool:
        return any(one.first_port <= port <= one.last_port for one in self.binds)

    @cached_property
    def standing(self) -> Standing:
        return standing(self.node, self.keepalived)

    def candidates(self, failing: frozenset[str] = frozenset()) -> dict[Key, Candidate]:
        """Its candidates while these checks fail, by node and instance."""
        found = self.standing.candidates(self.drain, failing, failing)
        return {(one.node, one.instance): one for one in found if one.vips}


@dataclass(frozen=True)
class Check:
    """What notices that HAProxy is dead, between `early` and `late` seconds after; or may notice it."""

    name: str
    early: float
    late: float
    sight: Sight


def checks(party: Party) -> tuple[Check, ...]:
    """The checks of a node by which a dead HAProxy counts. One that answers at once is meant: the port is
    refused, the process is gone."""
    found = [
        Check(one.name, (one.fall - 1) * one.interval, one.fall * one.interval, seen)
        for one in party.standing.scripts
        if (seen := sight(one, party.listens, party.files.get)) is not Sight.BLIND
    ]
    found += [
        Check(one.name, one.delay, one.delay, seen)
        for one in party.standing.processes
        if (seen := process_sight(one)) is not Sight.BLIND
    ]
    well = party.candidates()
    return tuple(one for one in found if party.candidates(frozenset({one.name})) != well)


def assumed(party: Party) -> tuple[str, ...]:
    """What else it follows: its documents do not tell how that will be, and it is taken to be well."""
    own = party.standing
    noticing = {check.name for check in checks(party)}
    well = party.candidates()
    asking = {one.name for one in own.scripts} | {one.name for one in own.processes}
    counting = {name for name in asking - noticing if party.candidates(frozenset({name})) != well}
    paths = {one.name: one.path for one in own.files if one.path != DRAIN_FILE}
    followers: tuple[Instance | SyncGroup, ...] = (*own.instances, *own.groups.values())
    found = []
    for one in followers:
        interface = one.interface if isinstance(one, Instance) else ""
        found += [f"link {each.name}" for each in one.links if each.name != interface]
        found += [f"check {each.name}" for each in one.scripts if each.name in counting]
        found += [f"process {each.name}" for each in one.processes if each.name in counting]
        found += [f"file {paths[each.name]} (0)" for each in one.files if each.name in paths]
    return tuple(dict.fromkeys(found))


def fall(party: Party, noticing: tuple[Check, ...], *, late: bool) -> tuple[News, ...]:
    """What becomes of a node's candidates once its HAProxy is dead, and these checks notice."""
    times: dict[float, frozenset[str]] = {}
    for check in noticing:
        at = check.late if late else check.early
        times[at] = times.get(at, frozenset()) | {check.name}
    failing: frozenset[str] = frozenset()
    found = []
    for at in sorted(times):
        failing |= times[at]
        found.append(News(at, party.candidates(failing)))
    return tuple(found)


def desired(cluster: Cluster, drains: Mapping[str, int] | None = None) -> tuple[Party, ...]:
    """The nodes as the cluster file wants them; those without a keepalived.conf take no part."""
    found = (_desired(node, (drains or {}).get(node.name, 0)) for node in cluster.nodes)
    return tuple(party for party in found if party is not None)


def live(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[Party, ...]:
    """The nodes as they were read; those whose keepalived does not run take no part."""
    found = (_live(cluster.node(name), facts) for name, facts in gathered.items())
    return tuple(party for party in found if party is not None)


def holders(gathered: Mapping[str, Facts]) -> Mapping[str, Holders]:
    """Who holds each address now."""
    found: dict[str, Holders] = {}
    for name, facts in gathered.items():
        for address in facts.held:
            found[address] = (*found.get(address, ()), name)
    return found


def _desired(node: Node, drain: int) -> Party | None:
    files = [file for file in node.files if not file.absent]
    main = {file.daemon: file.content for file in files if file.daemon}
    keepalived = document("keepalived", main.get("keepalived"))
    if keepalived is None:
        return None
    texts = {file.path: _text(file.content) for file in files if not file.daemon}
    return Party(node.name, node.address, keepalived, main.get("haproxy"), texts, drain)


def _live(node: Node, facts: Facts) -> Party | None:
    keepalived = live_document(facts, "keepalived")
    if keepalived is None or not facts.active("keepalived"):
        return None
    found = [one for one in facts.resources if isinstance(one, Resource) and one.address.kind == "file"]
    contents = {one.address.name: one.content for one in found if one.content is not None}
    haproxy = contents.pop(MAIN_FILES["haproxy"], None)
    texts = {path: _text(content) for path, content in contents.items() if path != MAIN_FILES["keepalived"]}
    return Party(node.name, node.address, keepalived, haproxy, texts, facts.drain)


def _text(content: Content) -> str:
    return content.shown.decode("utf-8", "replace")
