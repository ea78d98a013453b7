"""What a change means: its effects on daemons, its scope, and its words for a reader."""

from __future__ import annotations

from dataclasses import replace

from lbctl import haproxy, keepalived
from lbctl.document import Document
from lbctl.keepalived.views import peer_view
from lbctl.model.change import Action, Change
from lbctl.model.cluster import MAIN_FILES, Node
from lbctl.model.content import Content, scrubbed
from lbctl.model.effect import Effect, Impact, Scope
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, Resource
from lbctl.planning import semantic

# a file that lbctl forgets the effects of when it leaves the cluster file: by the folder it stood in
_FOLDERS = (
    ("/etc/haproxy/", Effect("haproxy", Impact.RELOAD)),
    ("/etc/keepalived/", Effect("keepalived", Impact.RELOAD)),
    ("/etc/systemd/system/haproxy.service.d/", Effect("haproxy", Impact.RESTART)),
    ("/etc/systemd/system/keepalived.service.d/", Effect("keepalived", Impact.RESTART)),
)


def explained(change: Change, node: Node, facts: Facts) -> Change:
    """The same change with effects, scope and detail. A daemon that is not running has nothing to take."""
    if not change.action.touches:
        return change
    match change.address.kind:
        case "file":
            return _file(change, node, facts)
        case "package":
            return replace(change, effects=_package(change, facts))
        case _:
            return change


def _package(change: Change, facts: Facts) -> tuple[Effect, ...]:
    """A daemon whose package changes under it goes on with the old binary until it is restarted."""
    name = change.address.name
    upgraded = change.action is Action.UPDATE and facts.active(name)
    return (Effect(name, Impact.RESTART),) if upgraded else ()


def _file(change: Change, node: Node, facts: Facts) -> Change:
    path = change.address.name
    managed = next((f for f in node.files if f.path == path), None)
    contents = change.action is not Action.UPDATE or any(d.attribute == "content" for d in change.differences)
    if managed is None:
        effects = (effect for folder, effect in _FOLDERS if path.startswith(folder))
        return replace(change, effects=tuple(e for e in effects if facts.active(e.unit)))
    if not contents:
        return change  # the daemons read their files as root: mode and owner reach none of them
    before, after = document(managed.daemon, change.before), document(managed.daemon, change.after)
    scope = Scope.NODE
    if managed.daemon == "keepalived" and before and after and facts.active("keepalived"):
        scope = Scope.NODE if peer_view(before) == peer_view(after) else Scope.CLUSTER
    detail: tuple[str, ...] = ()
    if managed.daemon and before is not None:
        sides = [content for content in (change.before, change.after) if content is not None]
        detail = tuple(scrubbed(str(item), sides) for item in semantic.diff(before, after))
    running = tuple(effect for effect in managed.effects if facts.active(effect.unit))
    return replace(change, effects=running, scope=scope, detail=detail)


def daemon_of(path: str) -> str:
    """Whose main configuration file this is, "" for any other file."""
    return next((daemon for daemon, main in MAIN_FILES.items() if main == path), "")


def live_document(facts: Facts, daemon: str) -> Document | None:
    """A daemon's main file as it was when the node was read; None where it is not there, or nobody knows."""
    live = facts.live(Address(facts.node, "file", MAIN_FILES[daemon]))
    return document(daemon, live.content) if isinstance(live, Resource) else None


def document(daemon: str, content: Content | None) -> Document | None:
    """A daemon's file as a document; None without content or for any other file."""
    if content is None or not daemon:
        return None
    return haproxy.parse(content.data) if daemon == "haproxy" else keepalived.parse(content.data)
