"""OpenStack's services on each other's ports.

Source of the ports: OpenStack installation guide, "Firewalls and default ports".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lbctl.errors import Problem
from lbctl.lint.sections import File, FileCheck

# the words of a service's name, and its port; the one with the most words is meant
PORTS = {
    ("aodh",): 8042,
    ("barbican",): 9311,
    ("cinder",): 8776,
    ("designate",): 9001,
    ("glance",): 9292,
    ("glance", "registry"): 9191,
    ("gnocchi",): 8041,
    ("heat",): 8004,
    ("heat", "cfn"): 8000,
    ("ironic",): 6385,
    ("ironic", "inspector"): 5050,
    ("keystone",): 5000,
    ("keystone", "admin"): 35357,
    ("magnum",): 9511,
    ("manila",): 8786,
    ("neutron",): 9696,
    ("nova",): 8774,
    ("nova", "ec2"): 8773,
    ("nova", "metadata"): 8775,
    ("nova", "novncproxy"): 6080,
    ("octavia",): 9876,
    ("placement",): 8778,
    ("quantum",): 9696,
    ("trove",): 8779,
}
_OWNERS = {port: " ".join(words) for words, port in PORTS.items()}


def swapped(file: File) -> Iterator[Problem]:
    """A proxy that is named after one service and listens on another one's port, and not on its own."""
    for section in file.sections:
        service = _service(section.name)
        if not service or not section.accepts:
            continue
        ports = {one.first_port: one for one in file.binds if one.proxy == section.name}
        for port, bind in ports.items():
            if port in _OWNERS and port != PORTS[service] and PORTS[service] not in ports:
                said = f"{section.name} is on port {port}, which is {_OWNERS[port]}'s; "
                said += f"{' '.join(service)} has {PORTS[service]}"
                yield file.problem("swapped-ports", said, bind.line)


def _service(name: str) -> tuple[str, ...]:
    words = frozenset(re.split(r"[^a-z0-9]+", name.lower()))
    return max((one for one in PORTS if words.issuperset(one)), key=len, default=())


CHECKS: tuple[FileCheck, ...] = (swapped,)
