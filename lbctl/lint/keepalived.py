"""What is wrong in a keepalived.conf by itself: its words and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lbctl.document import Statement
from lbctl.document.nearest import nearest
from lbctl.errors import Problem
from lbctl.keepalived.election import OWNER
from lbctl.keepalived.keywords import KNOWN
from lbctl.lint.part import Found, texts, whole
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject, Text

# Settings of one value: of two, the last one counts (measured with 2.2.7).
_ONCE = frozenset(
    {
        "advert_int",
        "fall",
        "interface",
        "interval",
        "priority",
        "rise",
        "script",
        "state",
        "timeout",
        "unicast_src_ip",
        "version",
        "virtual_router_id",
        "weight",
    }
)
_BLOCKS = frozenset(
    {"authentication", "global_defs", "vrrp_script", "vrrp_instance", "vrrp_sync_group", "track_process"}
)
_DEPTH = {"authentication": 2}
_MADE = ("$", "~", "@", "include", "{")
_OFF = frozenset({"off", "false", "no"})


def strict(subject: Subject) -> Found:
    """vrrp_strict where an instance obeys it."""
    for machine, text in texts(subject):
        versions = {part.name: part.advert.version for part in machine.parts if part.advert}
        blocks = text.document.find("vrrp_instance")
        if blocks and all(_lenient(block, versions.get(block.name, 2)) for block in blocks):
            continue
        for block in text.document.find("global_defs"):
            for line in block.find("vrrp_strict"):
                said = "vrrp_strict: no authentication, and the VIP itself does not answer"
                yield machine.name, problem("vrrp-strict", said, text.place(line.line))


def _lenient(block: Statement, version: int) -> bool:
    """It says no for itself, or that its VIPs answer, which version 2 does not know, or owns them."""
    off = any(one.name in _OFF for one in block.find("strict_mode"))
    return off or (version == 3 and bool(block.find("accept"))) or _owner(block)


def _owner(block: Statement) -> bool:
    return bool(block.find("priority", str(OWNER)))


def silent(subject: Subject) -> Found:
    """`no_accept`: for routers, which are addressed by nobody."""
    for machine, text in texts(subject):
        for block in text.document.find("vrrp_instance"):
            for line in block.find("no_accept") if not _owner(block) else ():
                said = f"{block.name} has no_accept: the node that holds its VIP drops what is sent to it"
                yield machine.name, problem("no-accept", said, text.place(line.line))


def unknown_keywords(subject: Subject) -> Found:
    """Words that keepalived skips: grave where one is meant for another, else perhaps a newer version's."""
    for machine, text in texts(subject):
        for path, one in text.document.walk():
            block = path[-1].keyword if path else ""
            known = KNOWN[block] if block in _BLOCKS and len(path) == _DEPTH.get(block, 1) else None
            if known is not None and one.keyword not in known and not one.keyword.startswith(_MADE):
                yield machine.name, _unknown(block, one, text)


def _unknown(block: str, one: Statement, text: Text) -> Problem:
    elsewhere = [name or "the top level" for name, words in KNOWN.items() if one.keyword in words]
    close = nearest(one.keyword, sorted(KNOWN[block]))
    # a password may stand there by itself
    word = one.keyword if block != "authentication" else "a word"
    said = f"{word} is no keyword in {block}: keepalived skips it"
    mend = f"it belongs into {elsewhere[0]}" if elsewhere else f"did you mean {close}?" if close else ""
    found = problem("unknown-keyword", said, text.place(one.line), mend)
    return found if mend else replace(found, level="warning")


def repeated_keywords(subject: Subject) -> Found:
    for machine, text in texts(subject):
        for block in text.document.statements:
            last = {one.keyword: one for one in block.children if block.keyword in _BLOCKS}
            for one in block.children:
                final = last.get(one.keyword, one)
                if one.keyword in _ONCE and final is not one and final.words != one.words:
                    # a command may hold a password
                    value = final.name if one.keyword != "script" else "the last one"
                    said = f"{block.keyword} {block.name} has {one.keyword} twice: {value} counts"
                    yield machine.name, problem("repeated-keyword", said, text.place(one.line))


def unknown_names(subject: Subject) -> Found:
    """What is followed or grouped and defined nowhere; scripts are the parser's."""
    for machine, text in texts(subject):
        known = _defined(text)
        for path, one in text.document.walk() if whole(text.document) else ():
            kinds = _NAMES.get(path[-1].keyword, ()) if len(path) > 1 else ()
            names = {name for kind in kinds for name in known.get(kind, ())}
            for word in one.words if "vrrp_instance" in kinds else one.words[:1]:
                if kinds and word not in names and not word.startswith(_MADE):
                    said = (
                        f"{path[0].name} names {word}, which is defined nowhere: keepalived goes on "
                        "without it"
                    )
                    yield machine.name, problem("unknown-track", said, text.place(one.line))


_NAMES = {
    "track_file": ("track_file", "vrrp_track_file"),
    "vrrp_track_file": ("track_file", "vrrp_track_file"),
    "track_process": ("track_process", "vrrp_track_process"),
    "group": ("vrrp_instance",),
}


def _defined(text: Text) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for one in text.document.statements:
        known.setdefault(one.keyword, set()).add(one.name)
    return known


def useless_words(subject: Subject) -> Found:
    """Statements that keepalived takes back because of another one."""
    for machine, text in texts(subject):
        for block in text.document.find("vrrp_instance"):
            words = {child.keyword: child for child in block.children}
            for keyword, said in _useless(block, words):
                place = text.place(words[keyword].line)
                yield machine.name, problem("no-effect", f"{block.name}: {said}", place)


def _useless(block: Statement, words: dict[str, Statement]) -> Iterator[tuple[str, str]]:
    if "preempt_delay" in words:
        if block.find("state", "MASTER"):
            yield "preempt_delay", "preempt_delay has no effect with state MASTER"
        elif "nopreempt" in words:
            yield "preempt_delay", "preempt_delay has no effect with nopreempt"
    if "unicast_src_ip" in words and not any(one.children for one in block.find("unicast_peer")):
        yield "unicast_src_ip", "unicast_src_ip without unicast_peer: its adverts are multicast"


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    strict,
    silent,
    unknown_keywords,
    repeated_keywords,
    unknown_names,
    useless_words,
)
