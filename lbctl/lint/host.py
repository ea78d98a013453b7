"""What the configurations need of the node around them: packages, sysctls, units, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from lbctl.document import Document
from lbctl.keepalived.views import scripts
from lbctl.lint.part import alone
from lbctl.lint.rules import problem
from lbctl.lint.sections import Found, listed
from lbctl.lint.subject import Machine, Subject
from lbctl.lint.vips import nonlocal_binds

_SYSCTLS = {False: "net.ipv4.ip_nonlocal_bind", True: "net.ipv6.ip_nonlocal_bind"}
_NEXT, _LAST = ("crt", "ca-file", "crl-file", "crt-list"), ("errorfile", "lua-load")
# a daemon that sets addresses -> what its files say where it leaves those of others alone
_KEEPS = {
    "systemd-networkd": re.compile(rb"(?mi)^KeepConfiguration\s*=\s*(static|yes|true|on|1)\b"),
    "NetworkManager": re.compile(rb"(?m)^unmanaged-devices\s*="),
}
_MENDS = {
    "systemd-networkd": "KeepConfiguration=static in the [Network] section of {}'s .network file",
    "NetworkManager": "unmanaged-devices=interface-name:{} in the [keyfile] section of its own file",
}
_NETWORK_FILES = ("/etc/systemd/network", "/etc/NetworkManager/")


def no_killall(subject: Subject) -> Found:
    """Checks that call a command of a package that neither daemon brings."""
    for machine in subject.machines:
        text, (code, what) = machine.keepalived, _killall(machine)
        if text is None or not code:
            continue
        for script in scripts(text.document):
            if script.command.split()[:1] and script.command.split()[0].rpartition("/")[2] == "killall":
                said = f"vrrp_script {script.name} calls killall, which the package psmisc brings: {what}"
                yield machine.name, problem(code, said, text.place(script.line))


def no_nonlocal_bind(subject: Subject) -> Found:
    """Binds to a VIP on nodes that may only bind to what they have."""
    for machine in subject.machines:
        if machine.haproxy is None or machine.sysctls is None:
            continue
        for ipv6, key in _SYSCTLS.items():
            found = [one for vip, one in nonlocal_binds(machine).items() if (":" in vip) is ipv6]
            needing = [one for one in found if not _transparent(machine.haproxy.document, one.line)]
            code, what = _nonlocal(subject, machine, key)
            if needing and code:
                said = f"{needing[0].proxy} binds {needing[0].raw}, and {what}: without the VIP "
                said += "HAProxy does not start"
                place = machine.haproxy.place(needing[0].line)
                yield machine.name, problem(code, said, place, f"sysctl: {{{key}: 1}}")


def claimed(subject: Subject) -> Found:
    """VIPs on interfaces where another daemon takes away addresses that it has not set itself."""
    for part in alone(subject):
        files = part.machine.files.items()
        told = [one.data for path, one in files if path.startswith(_NETWORK_FILES)]
        vips = (vip.dev or part.instance.interface for vip in part.instance.vips)
        for interface in dict.fromkeys(vips):
            daemon = part.machine.claimed.get(interface, "")
            if daemon and not any(_KEEPS[daemon].search(data) for data in told):
                said = f"{daemon} sets the addresses of {interface}: when it does so anew it takes the VIPs "
                said += f"of {part.name} away"
                mend = _MENDS[daemon].format(interface)
                yield part.node, problem("address-manager", said, part.place, mend)


def unmanaged_files(subject: Subject) -> Found:
    """Files that haproxy.cfg names and the cluster file does not have: each node needs them beforehand."""
    for machine in subject.machines:
        if machine.haproxy is None or subject.additions is None or subject.live:
            continue
        missing = [
            (path, line) for path, line in _named(machine.haproxy.document) if not _there(machine, path)
        ]
        if missing:
            names = listed([*dict.fromkeys(path for path, _ in missing)])
            said = f"{names}: HAProxy reads it, and it is none of the cluster's files"
            yield machine.name, problem("unmanaged-file", said, machine.haproxy.place(missing[0][1]))


def _killall(machine: Machine) -> tuple[str, str]:
    """Code and what is wrong with the command; nothing where it is there, will be, or nobody knows."""
    if machine.packages is None or "psmisc" in machine.packages:
        return "", ""
    if machine.tools is None:
        return "psmisc-unset", "the cluster file does not have it installed"
    return ("", "") if "killall" in machine.tools else ("no-psmisc", "it is not installed")


def _nonlocal(subject: Subject, machine: Machine, key: str) -> tuple[str, str]:
    """Code and what is wrong with the sysctl; what is gathered tells of the cluster's own alone."""
    value = (machine.sysctls or {}).get(key)
    if value is not None:
        return ("", "") if value == "1" else ("no-nonlocal-bind", f"{key} is {value}")
    files = (one.data for path, one in machine.files.items() if path.startswith("/etc/sysctl"))
    if subject.live or any(key.encode() in data for data in files):
        return "", ""
    return "nonlocal-bind-unset", f"the cluster file does not set {key}"


def _transparent(document: Document, line: int) -> bool:
    return any(one.line == line and "transparent" in one.words for _, one in document.walk())


def _named(document: Document) -> Iterator[tuple[str, int]]:
    """The paths that lines of a haproxy.cfg name."""
    for _, line in document.walk():
        if line.block:
            continue
        words = line.words
        named = [path for word, path in pairwise(words) if word in _NEXT]
        named += words[-1:] if words[0] in _LAST else []
        yield from ((path, line.line) for path in named if path.startswith("/") and "$" not in path)


def _there(machine: Machine, path: str) -> bool:
    folder = path.rstrip("/") + "/"
    return path in machine.files or any(one.startswith(folder) for one in machine.files)


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    no_killall,
    no_nonlocal_bind,
    claimed,
    unmanaged_files,
)
