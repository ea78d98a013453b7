"""What lbctl would add to the daemons' files, and what it costs that it may not."""

from __future__ import annotations

from collections.abc import Callable

from lbctl.haproxy.additions import SERVER_STATE, without_idle_close
from lbctl.haproxy.views import server_state_file
from lbctl.keepalived.additions import DRAIN
from lbctl.keepalived.views import instances
from lbctl.lint.rules import problem
from lbctl.lint.sections import File, Found, listed
from lbctl.lint.subject import Subject

_LOAD = "load-server-state-from-file"


def no_server_state(subject: Subject) -> Found:
    """Backends that forget at a reload which of their servers are dead."""
    if subject.additions is None or SERVER_STATE in subject.additions:
        return
    for machine in subject.machines:
        file = File(machine.haproxy) if machine.haproxy else None
        named = file is not None and server_state_file(file.document) is not None
        checked = [
            one
            for one in (file.sections if file else ())
            if len(one.servers) > 1 and any(server.check for server in one.servers)
            if not (named and one.has(_LOAD, "global"))
        ]
        if file and checked:
            said = f"{listed([one.name for one in checked])}: after a reload a dead server counts as up "
            said += "until its first check"
            yield machine.name, file.problem("no-server-state", said, 0)


def no_idle_close(subject: Subject) -> Found:
    """Frontends that close idle connections under their clients when a node gives its VIP away."""
    if subject.additions is None:
        return
    for machine in subject.machines:
        names = without_idle_close(machine.haproxy.document) if machine.haproxy else ()
        if machine.haproxy and names:
            said = f"{listed(names)}: at a handover, kept-alive connections are closed under their clients"
            yield machine.name, problem("no-idle-close", said, machine.haproxy.place(0))


def no_drain(subject: Subject) -> Found:
    """Instances whose priority nothing can lower."""
    if subject.additions is None or DRAIN in subject.additions:
        return
    for machine in subject.machines:
        text = machine.keepalived
        names = [one.name for one in instances(text.document) if not one.files] if text else []
        if text and names:
            said = f"{listed(names)}: to move the VIP keepalived is stopped, and for 0.6 s no node holds it"
            yield machine.name, problem("no-drain", said, text.place(0))


CHECKS: tuple[Callable[[Subject], Found], ...] = (no_server_state, no_idle_close, no_drain)
