"""What is on a node's disk and not in the daemons that run there: live's second layer. Pure.

A file's times are a sign and never more: what is known to be loaded as it is counts, whenever it was touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lbctl.document import Document
from lbctl.haproxy.views import servers
from lbctl.model.cluster import HAPROXY_CFG
from lbctl.model.facts import Facts
from lbctl.model.layers import Loaded, Noted
from lbctl.model.report import OPERATIONAL, UNLOADED, DriftItem
from lbctl.model.resource import Address, Resource
from lbctl.planning.meaning import live_document
from lbctl.planning.servers import named

UNKNOWN = "unknown"


def findings(facts: Facts) -> Iterator[DriftItem]:
    """Nothing while somebody is at work there: between a swap and its reload it is all true for a moment."""
    if facts.layers is None or facts.lock or facts.armed:
        return
    for one in facts.layers.loaded:
        what = _standing(facts, one)
        if what:
            yield DriftItem(facts.node, what, str(_address(facts, one)), text=_said(one, what))
    yield from _other_servers(facts)
    for found in facts.layers.sysctls:
        if found.boot != found.live:
            text = f"{found.key} is {found.live or 'not there'}, and a boot would set {found.boot}"
            address = Address(facts.node, "file", found.path)
            yield DriftItem(facts.node, UNLOADED, str(address), text=f"{text}: sysctl --system")


def _address(facts: Facts, one: Loaded) -> Address:
    if one.how in ("unit", "program"):
        return Address(facts.node, "service", one.unit)
    return Address(facts.node, "file", one.path)


def _standing(facts: Facts, one: Loaded) -> str:
    """unloaded, unknown, or "" where nothing is to be said.

    A process of which nothing was noted began after the last apply: what is as that apply left it, it has
    read, unless somebody changed it, had that loaded, and put it back.
    """
    if one.noted is not Noted.NONE:
        return {Noted.OTHER: UNLOADED, Noted.UNKNOWN: UNKNOWN}.get(one.noted, "")
    if one.how in ("unit", "program"):
        return UNLOADED
    if _in_time(one):
        return ""
    applied = _as_applied(facts, one)
    return UNKNOWN if applied is None else "" if applied else UNLOADED


def _in_time(one: Loaded) -> bool:
    return one.written <= one.read


def _as_applied(facts: Facts, one: Loaded) -> bool | None:
    """Is the file as the last apply left it? None = that is not known."""
    address = _address(facts, one)
    record = facts.owner.applied(address) if facts.owner else None
    live = facts.live(address)
    if record is None or not isinstance(live, Resource) or live.value("content") is None:
        return None
    return record.value("content") == live.value("content")


def _said(one: Loaded, what: str) -> str:
    if one.how == "unit":
        return "its unit's files have changed, and systemd has not read them: systemctl daemon-reload"
    if one.how == "program":
        return f"it runs another program than the one installed in {one.path}: lbctl restart {one.unit}"
    when = datetime.fromtimestamp(one.written, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    loads = f"systemctl {one.how} {one.unit} loads it"
    if what == UNKNOWN:
        return f"written {when}, and {one.unit} has read its files before; whether as it is now nobody noted"
    return f"{one.unit} does not run with it as it is since {when}; {loads}"


def _other_servers(facts: Facts) -> Iterator[DriftItem]:
    """What HAProxy itself says that it runs with, against its file: true whatever any time says."""
    document = live_document(facts, "haproxy")
    if document is None or facts.servers is None or not facts.active("haproxy") or _conditional(document):
        return
    lacks, more = apart(document, {(one.backend, one.server) for one in facts.servers})
    words = [f"without {named(lacks)}, which the file has"] if lacks else []
    words += [f"with {named(more)}, which the file has not"] if more else []
    if words:
        text = f"haproxy runs {', and '.join(words)}"
        by_hand = _known_loaded(facts)
        text += ": somebody changed that at run time" if by_hand else "; systemctl reload haproxy loads it"
        what = OPERATIONAL if by_hand else UNLOADED
        yield DriftItem(facts.node, what, str(Address(facts.node, "file", HAPROXY_CFG)), text=text)


def apart(document: Document, run: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Servers (BACKEND/SERVER) of the file that do not run, and those of its backends that it has not."""
    file = {(one.proxy, one.name) for one in servers(document)}
    sections = [one for one in document.statements if one.keyword in ("backend", "listen")]
    off = {one.name for one in sections if one.find("disabled")}
    plain = {one.name for one in sections if not one.find("server-template")}
    lacks = sorted(f"{b}/{s}" for b, s in file - run if b not in off)
    return lacks, sorted(f"{b}/{s}" for b, s in run - file if b in plain)


def _conditional(document: Document) -> bool:
    return any(one.keyword.startswith(".") for _, one in document.walk())


def _known_loaded(facts: Facts) -> bool:
    found = facts.layers.loaded if facts.layers else ()
    main = [one for one in found if (one.unit, one.path) == ("haproxy", HAPROXY_CFG)]
    return any(one.noted is Noted.SAME or (one.noted is Noted.NONE and _in_time(one)) for one in main)
