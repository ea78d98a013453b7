"""One node: the top level's parts with its overrides, turned into everything that shall be on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lbctl.desired import daemons, files, proxy, vrrp
from lbctl.desired.checked import checked
from lbctl.desired.fill import Filling, Line
from lbctl.desired.models import FileAttributes, Login, Wanted
from lbctl.desired.models import Node as NodePart
from lbctl.desired.secrets import Ref, Secrets
from lbctl.desired.tree import Findings, Map, Scalar, only, place_of
from lbctl.document import Document
from lbctl.errors import Place
from lbctl.haproxy import LANGUAGE as HAPROXY
from lbctl.haproxy.additions import add as add_haproxy
from lbctl.keepalived import LANGUAGE as KEEPALIVED
from lbctl.keepalived.additions import add as add_keepalived
from lbctl.model.cluster import MAIN_FILES, ManagedFile, Package, Service, Ssh, Sysctl

UNITS = ("haproxy", "keepalived")


@dataclass(frozen=True)
class Shared:
    """What all nodes have in common."""

    base: Path
    secrets: Secrets
    findings: Findings
    additions: tuple[str, ...]
    addresses: Mapping[str, str]
    vips: Mapping[str, Sequence[str]]
    rendered: daemons.Rendered = field(default_factory=daemons.Rendered)


@dataclass(frozen=True)
class Draft:
    """One node before its files are rendered: its own part, its wanted parts, and where they stand."""

    name: str
    part: NodePart
    wanted: Wanted
    tree: Map
    place: Place
    priority_is_wrong: bool = False
    used: set[Ref] = field(default_factory=set)


def keepalived(draft: Draft, shared: Shared) -> tuple[ManagedFile, Document] | None:
    """keepalived.conf and its document; None where the file has no such part."""
    part = draft.tree.get("keepalived")
    if draft.wanted.keepalived is None or not isinstance(part, Map):
        return None
    attributes, words = _attributes(part, shared)
    own = draft.part
    about = vrrp.Vrrp(
        draft.name,
        own.priority,
        own.state,
        own.interface,
        shared.vips,
        draft.place,
        draft.priority_is_wrong,
    )

    def write(filling: Filling) -> list[Line]:
        if "file" in words.entries:
            _alone(words, "keepalived", shared.findings)
            return daemons.whole(KEEPALIVED, words, shared.base, filling)
        return vrrp.configuration(words, about, filling)

    adding, whole = _adding(add_keepalived, shared), "file" in words.entries
    return _managed(draft, shared, daemons.Part(KEEPALIVED, write, adding, attributes, whole))


def haproxy(draft: Draft, shared: Shared, around: proxy.Around) -> tuple[ManagedFile, Document] | None:
    """haproxy.cfg and its document; None where the file has no such part."""
    model, part = draft.wanted.haproxy, draft.tree.get("haproxy")
    if model is None or not isinstance(part, Map):
        return None

    def write(filling: Filling) -> list[Line]:
        if "file" in part.entries:
            _alone(part, "haproxy", shared.findings)
            return daemons.whole(HAPROXY, part, shared.base, filling)
        return proxy.configuration(model, part, around, filling)

    adding, whole = _adding(add_haproxy, shared), "file" in part.entries
    return _managed(draft, shared, daemons.Part(HAPROXY, write, adding, model, whole))


def others(draft: Draft, shared: Shared) -> tuple[ManagedFile, ...]:
    """The `files:` part. A path that a daemon's main file has is refused."""
    found = []
    tree = draft.tree.get("files")
    daemon_files = [MAIN_FILES[unit] for unit in UNITS if draft.tree.get(unit) is not None]
    for path, model in draft.wanted.files.items():
        own = tree.get(path) if isinstance(tree, Map) else None
        if own is None:
            continue
        if path in daemon_files:
            text = f"files.{path} is what the haproxy: or keepalived: part renders"
            shared.findings.error(text, place_of(draft.tree, ("files", path), key=True), "remove one of them")
        wording = _wording(draft, shared, "file")
        found.append(files.managed(path, model, own, units(draft), wording, shared.base))
        draft.used.update(wording.shown.used)
    return tuple(found)


def packages(draft: Draft) -> tuple[Package, ...]:
    return tuple(
        Package(name, absent=True) if version == "absent" else Package(name, version or "")
        for name, version in draft.wanted.packages.items()
    )


def sysctls(draft: Draft) -> tuple[Sysctl, ...]:
    return tuple(Sysctl(key, value) for key, value in draft.wanted.sysctl.items())


def services(draft: Draft) -> tuple[Service, ...]:
    """The units; haproxy and keepalived, enabled and active, when the file does not say."""
    if draft.wanted.services is None:
        return tuple(Service(unit) for unit in UNITS)
    return tuple(Service(name, u.enabled, u.active) for name, u in draft.wanted.services.items())


def units(draft: Draft) -> tuple[str, ...]:
    return tuple(service.name for service in services(draft))


def ssh(draft: Draft, common: Login, shared: Shared, places: Map) -> Ssh:
    """How to log in: the node's own words before the common ones."""
    own = draft.part.ssh
    chosen = {
        name: getattr(own if name in own.model_fields_set else common, name)
        for name in ("user", "port", "become", "become_password")
    }
    password = ""
    if chosen["become_password"] is not None:
        is_own = own.become_password is not None
        path = ("nodes", draft.name, "ssh", "become_password") if is_own else ("ssh", "become_password")
        ref = files.reference(chosen["become_password"], place_of(places, path), shared.findings)
        if ref is not None:
            draft.used.add(ref)
            password = shared.secrets.password(ref)
    return Ssh(
        own.host or draft.name, chosen["user"] or "", chosen["port"] or 0, chosen["become"] or "", password
    )


def _attributes(part: Map, shared: Shared) -> tuple[FileAttributes, Map]:
    """What keepalived's part says of its file's mode and owner, and the part without that."""
    own = only(part, lambda key: key in FileAttributes.model_fields)
    words = only(part, lambda key: key not in FileAttributes.model_fields)
    if not own.entries:
        return FileAttributes.model_construct(), words
    model, _ = checked(own, FileAttributes, shared.findings, "keepalived.")
    return model or FileAttributes.model_construct(), words


def _adding(
    add: Callable[[Document, Sequence[str]], Document], shared: Shared
) -> Callable[[Document], Document]:
    return lambda document: add(document, shared.additions)


def _managed(draft: Draft, shared: Shared, part: daemons.Part) -> tuple[ManagedFile, Document]:
    wording = _wording(draft, shared, part.language.name)
    result = daemons.managed(part, wording.shown, wording.real, shared.rendered)
    draft.used.update(wording.shown.used)
    return result


def _wording(draft: Draft, shared: Shared, language: str) -> files.Wording:
    values = _values(draft, shared, language)
    peers = tuple(address for name, address in shared.addresses.items() if name != draft.name)

    def filling(reveal: bool) -> Filling:
        return Filling(language, values, peers, shared.secrets, shared.findings, reveal)

    return files.Wording(filling(False), filling(True) if shared.secrets.resolve else None)


def _values(draft: Draft, shared: Shared, language: str) -> Mapping[str, str]:
    """What `${node.…}` and `${vip.…}` stand for on this node."""
    part = draft.part
    values = {"node.name": draft.name, "node.address": part.address}
    values["node.peers"] = " ".join(a for name, a in shared.addresses.items() if name != draft.name)
    for key, value in (("priority", part.priority), ("state", part.state or "BACKUP")):
        if isinstance(value, Mapping):
            values |= {f"node.{key}.{instance}": str(one) for instance, one in value.items()}
        elif value is not None:
            values[f"node.{key}"] = str(value)
    if interface := part.interface or _common_interface(draft.tree):
        values["node.interface"] = interface
    values |= {f"node.{name}": value for name, value in part.vars.items()}
    for name, addresses in shared.vips.items():
        # keepalived puts the address on an interface, everything else only names it
        first = next(iter(addresses), "")
        values[f"vip.{name}"] = first if language == "keepalived" else first.partition("/")[0]
    return values


def _common_interface(tree: Map) -> str | None:
    """The interface of all instances, when they have the same."""
    part = tree.get("keepalived")
    instances = part.get("vrrp_instance") if isinstance(part, Map) else None
    if not isinstance(instances, Map):
        return None
    found = {
        value.text
        for _, body in instances.items()
        if isinstance(body, Map) and isinstance(value := body.get("interface"), Scalar)
    }
    name = next(iter(found)) if len(found) == 1 else None
    return name if name and "$" not in name else None


def _alone(part: Map, daemon: str, findings: Findings) -> None:
    """`file` is the whole configuration: nothing may stand beside it."""
    for key, entry in part.entries.items():
        if key != "file" and key not in FileAttributes.model_fields:
            text = f"{daemon}.{key} stands beside {daemon}.file, which is the whole configuration"
            findings.error(text, entry.place, "remove one of them")
