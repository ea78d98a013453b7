"""Pairs of a frontend and its backend as `services:`: what the cluster file would say, and what would remain.

A proposal: nothing is lost by it but the pair's own names, order and indentation, which the caller shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbctl.adopt.clusterfile import Value
from lbctl.adopt.short import common, short
from lbctl.document import Document, Statement, decode
from lbctl.haproxy.address import endpoint
from lbctl.model.ip import is_address

CONTROLLERS = "controllers"
Members = tuple[tuple[str, str, bool], ...]
"""Name, address, and whether it is a backup."""

_BLANKS = re.compile(r"\n(?:[ \t]*\n){2,}")


@dataclass(frozen=True)
class Pair:
    """A frontend and the backend that only it has, and what they are as a service."""

    name: str
    front: Statement
    back: Statement
    members: Members
    said: Mapping[str, Value]


@dataclass(frozen=True)
class Proposal:
    """`part` is the `haproxy:` part, `groups` the members by group. `reasons`: why a frontend stays."""

    part: Mapping[str, Value]
    groups: Mapping[str, Mapping[str, Value]]
    services: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]


def propose(document: Document, vip: str = "") -> Proposal:
    """What of the text can be services. Of one with several defaults sections nothing can.

    `vip` is the cluster's only one, which needs no `bind`; "" where there are several.
    """
    pairs: list[Pair] = []
    reasons: list[tuple[str, str]] = []
    for front in document.find("frontend"):
        found = _pair(document, front, vip)
        if isinstance(found, str):
            reasons.append((front.name, found))
        elif found.name in {pair.name for pair in pairs}:
            reasons.append((front.name, f"another service would be named {found.name}"))
        else:
            pairs.append(found)
    groups = _groups(pairs)
    services = {pair.name: {**pair.said, **_named(groups[pair.members])} for pair in pairs}
    alike = common(services)
    heads = {key: _body(document, one) for key in ("global", "defaults") for one in document.find(key)}
    taken = [one for key in heads for one in document.find(key)]
    taken += [one for pair in pairs for one in (pair.front, pair.back)]
    rest = {"config": text} if (text := _rest(document, taken)) else {}
    members = {name: _listed(one) for one, name in groups.items()}
    said: dict[str, Value] = {"service_defaults": short(alike, {})} if alike else {}
    said["services"] = {name: short(one, alike) for name, one in services.items()}
    part: dict[str, Value] = {**heads, **said, **rest}
    return Proposal(part, members, tuple(services), tuple(reasons))


def _named(group: str) -> dict[str, Value]:
    """The group of members that is meant without a word needs none."""
    return {} if group == CONTROLLERS else {"members": group}


def _pair(document: Document, front: Statement, vip: str) -> Pair | str:
    """The service, or why it cannot be one."""
    name = "".join(line.name for line in front.find("default_backend")[-1:])
    backs = [one for one in document.find("backend") if one.name == name]
    if len(document.find("defaults")) > 1 or len(document.find("global")) > 1:
        return "there are several defaults or global sections, and their order counts"
    if front.find("use_backend") or len(backs) != 1:
        return "it has no backend, or several"
    if _used(document, name) > 1:
        return f"others use backend {name} too"
    binds, servers = _binds(front), _servers(backs[0])
    if isinstance(binds, str):
        return binds
    if isinstance(servers, str):
        return servers
    port, bind = binds
    if port != servers[0]:
        return f"clients use port {port}, and the servers port {servers[0]}"
    said = _said(document, front, backs[0])
    words = {key: value for key, value in (("check", servers[2]), ("server", servers[3])) if value}
    where: dict[str, Value] = {} if bind == [vip] else {"bind": bind}
    return Pair(_name(front, backs[0]), front, backs[0], servers[1], {"port": port, **where, **said, **words})


def _used(document: Document, name: str) -> int:
    words = Counter(word for _, line in document.walk() if not line.block for word in line.words[1:])
    return words[name]


def _binds(front: Statement) -> tuple[int, list[Value]] | str:
    """The port of all bind lines, and each one's address with its other words."""
    ports, found = set(), []
    for line in front.find("bind"):
        where = endpoint(line.name)
        if where.socket or where.prefix or "," in line.name or where.first_port != where.last_port:
            return "a bind is more than an address and a port"
        if any("$" in word for word in line.words):
            return "a bind differs between the nodes"
        ports.add(where.first_port)
        found.append(" ".join((where.host or "*", *line.words[2:])))
    if len(ports) != 1:
        return "its binds have not one port"
    return ports.pop(), list(found)


def _servers(back: Statement) -> tuple[int, Members, str | bool, str] | str:
    """The port of all servers, the members, and the words that all of them have: after check, and others."""
    ports, members, more = set(), [], set()
    for line in back.find("server"):
        if len(line.words) < 3 or any(char in word for word in line.words for char in "$'\"# "):
            return "a server line holds what a service cannot say"
        where = endpoint(line.words[2])
        if not is_address(where.host):
            return "a server's address is a name"
        ports.add(where.first_port)
        members.append((line.name, where.host, "backup" in line.words[3:]))
        more.add(tuple(word for word in line.words[3:] if word != "backup"))
    if len(ports) != 1 or len(more) != 1:
        return "its servers differ in more than name and address" if members else "its backend has no server"
    words = more.pop()
    check: str | bool = (" ".join(words[1:]) or True) if words[:1] == ("check",) else False
    return ports.pop(), tuple(members), check, "" if check else " ".join(words)


def _said(document: Document, front: Statement, back: Statement) -> dict[str, Value]:
    """What is said once for both, and the other lines of each."""
    found: dict[str, Value] = {}
    modes = [tuple(line.name for line in one.find("mode")) for one in (front, back)]
    if modes[0] == modes[1] and len(modes[0]) == 1:
        found["mode"] = modes[0][0]
    if len(balance := back.find("balance")) == 1:
        found["balance"] = " ".join(balance[0].words[1:])
    own = ("mode",) if "mode" in found else ()
    skipped = {"frontend": ("bind", "default_backend", *own), "backend": ("server", *own)}
    if "balance" in found:
        skipped["backend"] += ("balance",)
    for key, one in (("frontend", front), ("backend", back)):
        if text := _body(document, one, skipped[key]):
            found[key] = text
    return found


def _body(document: Document, section: Statement, without: Sequence[str] = ()) -> str:
    """The section's own lines, as they are but for their indentation; comments stay."""
    lines = document.lines[section.line : section.last]
    kept = (decode(line.raw).strip() for line in lines if not (line.words and line.words[0] in without))
    return "".join(f"{line}\n" for line in kept if line)


def _rest(document: Document, taken: Sequence[Statement]) -> str:
    """Everything else, to the byte, but for the blank lines around what was taken out."""
    gone = {number for one in taken for number in range(one.line, one.last + 1)}
    text = "".join(decode(line.raw) for line in document.lines if line.number not in gone)
    text = _BLANKS.sub("\n\n", text).strip("\n")
    return f"{text}\n" if text.strip() else ""


def _name(front: Statement, back: Statement) -> str:
    """What both have in common, without the usual endings."""
    name = front.name
    for ending in ("-vip", "_front", "-front", "-frontend", "_frontend", "-front-1"):
        name = name.removesuffix(ending)
    return name or back.name


def _groups(pairs: Sequence[Pair]) -> dict[Members, str]:
    """The groups of members by what is in them; the one that most services have is `controllers`."""
    count = Counter(pair.members for pair in pairs)
    named = {members: next(p.name for p in pairs if p.members == members) for members in count}
    return {
        members: CONTROLLERS if number == 0 else named[members]
        for number, (members, _) in enumerate(count.most_common())
    }


def _listed(members: Members) -> dict[str, Value]:
    return {
        name: {"address": address, "backup": True} if backup else address for name, address, backup in members
    }
