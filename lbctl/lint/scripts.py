"""What is wrong with the checks that keepalived runs: what they see, and how soon."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence

from lbctl.document import Document
from lbctl.keepalived.views import Script, scripts
from lbctl.lint.part import Found, listed, texts, whole
from lbctl.lint.rules import problem
from lbctl.lint.subject import Machine, Subject, Text

# Seconds after which a failure is noticed late.
LATE = 10.0

_SEES_PROCESSES = frozenset({"killall", "pidof", "pgrep", "pkill"})


def one_poll(subject: Subject) -> Found:
    """Checks of which one failure moves the VIP. Two are a second apart at least, longer than a restart of
    HAProxy with a configuration of ordinary size."""
    for machine, text, one in _tracked(subject):
        if one.fall == 1:
            said = f"one failed poll of {one.name} moves the VIP: a restart of what it looks at is enough"
            yield machine.name, problem("one-poll", said, text.place(one.line))


def late(subject: Subject) -> Found:
    for machine, text, one in _tracked(subject):
        if one.fall * one.interval > LATE:
            said = (
                f"{one.name} fails {one.fall} × every {one.interval:g} s: a dead HAProxy is noticed after "
                f"up to {one.fall * one.interval:g} s"
            )
            yield machine.name, problem("late-check", said, text.place(one.line))


def weightless(subject: Subject) -> Found:
    """Scripts whose failure is FAULT."""
    for machine, text, one in _tracked(subject):
        follow = [
            part
            for part in machine.parts
            for track in part.checks
            if track.name == one.name and not part.weight(track)
        ]
        if follow:
            names = listed([part.name for part in follow])
            said = f"{one.name} has no weight: where it fails on every node, none holds the VIP of {names}"
            yield machine.name, problem("weight-zero", said, text.place(one.line))


def processes_only(subject: Subject) -> Found:
    for machine, text, one in _tracked(subject):
        if (what := program(one.command)) in _SEES_PROCESSES:
            said = f"{one.name} ({what}) sees a process, not whether it answers: one that hangs keeps the VIP"
            yield machine.name, problem("sees-processes", said, text.place(one.line))


def unused(subject: Subject) -> Found:
    for machine, text in texts(subject):
        used = followed(text.document)
        for one in scripts(text.document, machine.name) if whole(text.document) else ():
            if one.name not in used:
                said = f"nothing follows vrrp_script {one.name}: what it finds moves no VIP"
                yield machine.name, problem("unused-script", said, text.place(one.line))


def twice(subject: Subject) -> Found:
    """Of two with one name keepalived takes the first, without a word."""
    for machine, text in texts(subject):
        first: dict[str, int] = {}
        for block in text.document.find("vrrp_script"):
            line = first.setdefault(block.name, block.line)
            if line != block.line:
                said = f"vrrp_script {block.name} stands twice: the first one counts, this one is dropped"
                yield machine.name, problem("duplicate-script", said, text.place(block.line))


def _tracked(subject: Subject) -> Iterator[tuple[Machine, Text, Script]]:
    """The scripts that something follows."""
    for machine, text in texts(subject):
        used = followed(text.document)
        for one in scripts(text.document, machine.name):
            if one.name in used:
                yield machine, text, one


def followed(document: Document) -> frozenset[str]:
    """The names in any track_script."""
    return frozenset(
        one.keyword for path, one in document.walk() if path and path[-1].keyword == "track_script"
    )


def program(command: str) -> str:
    """What is run, without its path."""
    return "".join(split(command)[:1]).rpartition("/")[2]


def split(command: str) -> Sequence[str]:
    """The command's words; at least one, "" where it cannot be taken apart."""
    try:
        return shlex.split(command) or [""]
    except ValueError:
        return [""]


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    one_poll,
    late,
    weightless,
    processes_only,
    unused,
    twice,
)
