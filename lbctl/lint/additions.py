"""What lbctl would add to the daemons' files, and what it costs that it may not."""

from __future__ import annotations

from collections.abc import Callable

from lbctl.haproxy.additions import SERVER_STATE, without_idle_close
from lbctl.haproxy.views import server_state_file
from lbctl.keepalived.additions import DRAIN
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found, files, listed
from lbctl.lint.subject import Subject

_LOAD = "load-server-state-from-file"


def no_server_state(subject: Subject) -> Found:
    """Backends that forget at a reload which of their servers are dead."""
    for file, nodes in files(subject) if _without(subject, SERVER_STATE) else ():
        named = server_state_file(file.document) is not None
        checked = [
            one.name
            for one in file.sections
            if len(one.servers) > 1 and any(server.check for server in one.servers)
            if not (named and one.has(_LOAD, "global"))
        ]
        if checked:
            said = f"{listed(checked)}: after a reload a dead server counts as up until its first check"
            found = file.problem("no-server-state", said, 0)
            yield from ((node, found) for node in nodes)


def no_idle_close(subject: Subject) -> Found:
    """Frontends that close idle connections under their clients when a node gives its VIP away."""
    for file, nodes in files(subject) if subject.additions is not None else ():
        names = without_idle_close(file.document)
        if names:
            said = f"{listed(names)}: at a handover, kept-alive connections are closed under their clients"
            found = file.problem("no-idle-close", said, 0)
            yield from ((node, found) for node in nodes)


def no_drain(subject: Subject) -> Found:
    """Instances whose priority nothing can lower."""
    for machine in subject.machines if _without(subject, DRAIN) else ():
        text = machine.keepalived
        names = [one.name for one in machine.instances if not one.files]
        if text and names:
            said = f"{listed(names)}: to move the VIP keepalived is stopped, and for 0.6 s no node holds it"
            yield machine.name, problem("no-drain", said, text.place(0))


def _without(subject: Subject, addition: str) -> bool:
    """A cluster file's subject, and the addition is not among its own."""
    return subject.additions is not None and addition not in subject.additions


CHECKS: tuple[Callable[[Subject], Found], ...] = (no_server_state, no_idle_close, no_drain)
