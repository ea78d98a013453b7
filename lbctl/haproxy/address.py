"""Addresses as HAProxy writes them.

`10.0.0.1:80`, `:80,:81`, `*:8000-8010`, `ipv6@[::]:80`, `unix@/path`, `/path`, `fd@3`.

Source: configuration manual 2.2 to 3.2, `bind` and `server`; measured with 2.6.12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lbctl.model.ip import canonical

# What may stand before `@`; the transport says more than the family.
_PREFIX = re.compile(
    r"(ipv4|ipv6|udp|udp4|udp6|tcp|tcp4|tcp6|unix|abns|abnsz|fd|sockpair|rhttp|quic4|quic6|mptcp\d?|uxst|uxdg)@"
)
_PORTS = re.compile(r"([+-]?[0-9]{1,9})(?:-([0-9]{1,9}))?")
_SOCKETS = frozenset({"unix", "abns", "abnsz", "fd", "sockpair", "rhttp", "uxst", "uxdg"})


@dataclass(frozen=True)
class Endpoint:
    """One address: `host` without brackets in its canonical spelling, '' or '*' for every address, a path
    for a socket.

    Ports 0 where there are none.

    `prefix` is what stood before `@` ('unix' also for a bare path). A port that is a variable or
    relative (`+1`) counts as 0.
    """

    host: str
    first_port: int
    last_port: int
    prefix: str = ""

    @property
    def socket(self) -> bool:
        """Not an internet address: a path, a descriptor, an abstract name."""
        return self.prefix in _SOCKETS


def endpoint(text: str) -> Endpoint:
    """The address in one word (one of the comma-separated, for `bind`). Anything at all gives one.

    The daemon judges.
    """
    prefix = ""
    match = _PREFIX.match(text)
    if match:
        prefix, text = match[1], text[match.end() :]
    if not prefix and text.startswith("/"):
        prefix = "unix"
    if prefix in _SOCKETS:
        return Endpoint(text, 0, 0, prefix)
    host, port = _split(text)
    ports = _PORTS.fullmatch(port)
    first = int(ports[1]) if ports and ports[1].isdecimal() else 0
    last = int(ports[2]) if ports and ports[2] else first
    return Endpoint(canonical(host), first, last, prefix)


def _split(text: str) -> tuple[str, str]:
    """Host and port text; HAProxy takes what follows the last colon for a port.

    Also after an IPv6 address without brackets.
    """
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, colon, port = text.rpartition(":")
    return (host, port) if colon else (text, "")
