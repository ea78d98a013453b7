"""The `haproxy:` part as lines of haproxy.cfg: global, defaults, frontends, backends, listens, `config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lbctl.desired.fields import CONTROL
from lbctl.desired.fill import Filling, Line, lines
from lbctl.desired.models import ApiService, HaproxyPart, ServiceDefaults
from lbctl.desired.tree import Entry, Findings, Map, Scalar, Tree, merged, place_of
from lbctl.document.nearest import did_you_mean
from lbctl.errors import Place
from lbctl.model.cluster import Member, MemberGroup
from lbctl.model.ip import is_address

INDENT = "    "


@dataclass(frozen=True)
class Around:
    """What the services refer to. `broken` = in the file, but wrong there: no second problem for it."""

    vips: Mapping[str, Sequence[str]]
    groups: Mapping[str, MemberGroup]
    broken_vips: bool
    broken_groups: frozenset[str]


def configuration(part: HaproxyPart, tree: Map, around: Around, filling: Filling) -> list[Line]:
    """The file's lines. What is wrong is in the filling's findings."""
    out: list[Line] = []
    for keyword in ("global", "defaults"):
        value = tree.get(keyword)
        if isinstance(value, Scalar) and value.value is not None:
            _section(out, keyword, lines(value, filling, INDENT), tree.entries[keyword].place)
    services = _services(part, tree, around, filling)
    for service in services:
        if service.model.style == "split":
            _section(out, f"frontend {service.name}-vip", service.front(), service.place)
    for service in services:
        if service.model.style == "split":
            _section(out, f"backend {service.name}-api", service.back(), service.place)
    for service in services:
        if service.model.style == "listen":
            _section(out, f"listen {service.name}", service.both(), service.place)
    config = tree.get("config")
    if isinstance(config, Scalar) and config.value is not None:
        _apart(out)
        out += lines(config, filling)
    return out


@dataclass(frozen=True)
class _Service:
    """One service with what it refers to, found."""

    name: str
    model: ApiService
    tree: Tree
    binds: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]
    filling: Filling

    @property
    def place(self) -> Place:
        return self.tree.place

    def front(self) -> list[Line]:
        default = Line(f"{INDENT}default_backend {self.name}-api", self.place)
        return [*self._mode(), *self._bind_lines(), *self._extra("frontend"), default]

    def back(self) -> list[Line]:
        return [*self._mode(), *self._balance(), *self._extra("backend"), *self._servers()]

    def both(self) -> list[Line]:
        extra = [*self._extra("frontend"), *self._extra("backend")]
        return [*self._mode(), *self._bind_lines(), *self._balance(), *extra, *self._servers()]

    def _line(self, text: str, key: str) -> Line:
        place = place_of(self.tree, (key,))
        return Line(INDENT + " ".join(self.filling.line(text.rstrip(), place)), place)

    def _mode(self) -> Iterator[Line]:
        if self.model.mode:
            yield self._line(f"mode {self.model.mode}", "mode")

    def _balance(self) -> Iterator[Line]:
        if self.model.balance:
            yield self._line(f"balance {self.model.balance}", "balance")

    def _bind_lines(self) -> Iterator[Line]:
        for address, rest in self.binds:
            yield self._line(f"bind {_endpoint(address, self.model.port)} {rest}", "bind")

    def _extra(self, key: str) -> list[Line]:
        value = self.tree.get(key) if isinstance(self.tree, Map) else None
        if not isinstance(value, Scalar) or value.value is None or not value.text.strip():
            return []
        return lines(value, self.filling, INDENT)

    def _servers(self) -> Iterator[Line]:
        check = "" if self.model.check is None else f"check {self.model.check}".rstrip()
        for member in self.members:
            more = self.model.server or ""
            words = [check, "backup" if member.backup else "", member.options, more]
            text = " ".join(word for word in words if word).strip()
            yield self._line(
                f"server {member.name} {_endpoint(member.address, self.model.port)} {text}", "port"
            )


def _services(part: HaproxyPart, tree: Map, around: Around, filling: Filling) -> list[_Service]:
    """The services in the order of the file, with their references found; ports taken twice are said."""
    found: list[_Service] = []
    whole = tree.get("services")
    defaults = tree.get("service_defaults") or Map({}, tree.place)
    for name, said in part.services.items():
        own = whole.get(name) if isinstance(whole, Map) else None
        if own is None:
            continue
        model, own = _with_defaults(part.service_defaults, said), Map(_entries(defaults, own), own.place)
        at = f"haproxy.services.{name}"
        binds = tuple(_binds(model, own, around, filling, at))
        members = _members(model, own, around, filling.findings, at)
        found.append(_Service(name, model, own, binds, members, filling))
    _check_ports(found, filling.findings)
    return found


def _with_defaults(defaults: ServiceDefaults, said: ApiService) -> ApiService:
    """The service with what it does not say taken from the defaults; null there takes a default away."""
    values: dict[str, Any] = {name: getattr(defaults, name) for name in defaults.model_fields_set}
    values |= {name: getattr(said, name) for name in said.model_fields_set}
    return ApiService.model_construct(None, **{name: v for name, v in values.items() if v is not None})


def _entries(defaults: Tree, own: Tree) -> Mapping[str, Entry]:
    full = merged(defaults, own)
    return full.entries if isinstance(full, Map) else {}


def _binds(
    model: ApiService, own: Tree, around: Around, filling: Filling, at: str
) -> Iterator[tuple[str, str]]:
    """Address and more words of each bind line."""
    place = place_of(own, ("bind",))
    if not model.bind:
        if len(around.vips) == 1:
            yield from ((_bare(address), "") for one in around.vips.values() for address in one)
        elif not around.broken_vips:
            known = ", ".join(around.vips)
            mend = f"bind: [{known}]" if known else "vips: {NAME: ADDRESS}"
            text = "several VIPs, and no bind says which" if known else "there is no VIP to bind to"
            filling.findings.error(f"{at}: {text}", place, mend)
        return
    for number, item in enumerate(model.bind):
        here = place_of(own, ("bind", number))
        name, _, rest = filling.word(item, here).strip().partition(" ")
        if CONTROL.search(item):
            continue
        if name in around.vips:
            yield from ((_bare(address), rest.strip()) for address in around.vips[name])
        elif name == "*" or is_address(name):
            yield name, rest.strip()
        elif not around.broken_vips:
            mend = did_you_mean(name, around.vips, "vips")
            filling.findings.error(f"{at}.bind: {name} is neither a VIP nor an address", here, mend)


def _members(model: ApiService, own: Tree, around: Around, findings: Findings, at: str) -> tuple[Member, ...]:
    name = model.members
    if name is None and "controllers" in around.groups:
        name = "controllers"
    if name is None and len(around.groups) == 1:
        name = next(iter(around.groups))
    if name in around.broken_groups:
        return ()
    place = place_of(own, ("members",))
    if name is None:
        known = ", ".join(around.groups)
        text = "several groups, and `members` does not say which" if known else "there are no members"
        mend = f"members: one of {known}" if known else "controllers: {NAME: ADDRESS}"
        if not around.broken_groups:
            findings.error(f"{at}: {text}", place, mend)
        return ()
    if name not in around.groups:
        mend = did_you_mean(name, around.groups, "groups of members")
        findings.error(f"{at}.members: there is no group {name}", place, mend)
        return ()
    members = around.groups[name].members
    if not members:
        findings.warn(f"{at}: the group {name} has no members", place, "every request fails", "empty-group")
    return members


def _check_ports(services: Sequence[_Service], findings: Findings) -> None:
    """Two services on one address and port: HAProxy would refuse to start."""
    taken: dict[tuple[str, int], str] = {}
    for service in services:
        for address, _ in service.binds:
            spot = (address, service.model.port)
            first = taken.setdefault(spot, service.name)
            if first != service.name:
                text = f"haproxy.services.{service.name}: port {spot[1]} on {address} is taken by {first}"
                findings.error(text, place_of(service.tree, ("port",)), "another port, or another bind")


def _section(out: list[Line], header: str, body: list[Line], place: Place) -> None:
    _apart(out)
    out.append(Line(header, place))
    out += body


def _apart(out: list[Line]) -> None:
    if out:
        out.append(Line("", out[-1].place))


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _bare(address: str) -> str:
    return address.partition("/")[0]
