"""What of HAProxy is open to everybody: its statistics, its commands, old TLS."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lbctl.errors import Problem
from lbctl.haproxy.address import endpoint
from lbctl.haproxy.views import Bind, global_lines
from lbctl.lint.sections import File, FileCheck, Section

_OLD_VERSIONS = frozenset({"SSLv3", "TLSv1.0", "TLSv1.1"})
_OLD_FORCED = {"force-sslv3": "SSLv3", "force-tlsv10": "TLSv1.0", "force-tlsv11": "TLSv1.1"}
_WEAK_CIPHERS = ("RC4", "3DES", "DES-CBC", "EXPORT", "NULL", "MD5")


def statistics(file: File) -> Iterator[Problem]:
    """Statistics pages that ask nobody for a password, on an address that is not the machine's own alone."""
    for section in file.sections:
        where = next((one for one in file.binds if one.proxy == section.name and _reachable(one)), None)
        if section.used and where and _open(section):
            said = f"{section.name}: the statistics page on {where.raw} asks for no password"
            if section.has("stats", "admin"):
                said += ", and lets anybody take servers out"
            yield file.problem("open-stats", said, section.own.find("stats")[0].line)


def commands(file: File) -> Iterator[Problem]:
    """A stats socket of level admin that is no file."""
    for line in global_lines(file.document, "stats", "socket"):
        words = line.words[2:]
        where = endpoint(words[0]) if words else None
        if where and not where.socket and not _loopback(where.host) and "admin" in words:
            said = f"the stats socket on {words[0]} takes orders from whoever reaches it"
            yield file.problem(
                "open-stats", said, line.line, "a file instead: /run/haproxy/admin.sock mode 660"
            )


def old_tls(file: File) -> Iterator[Problem]:
    """Versions and ciphers that browsers and auditors refuse."""
    for _, line in file.document.walk():
        if line.block or not (line.keyword == "bind" or line.keyword.startswith("ssl-default-bind-")):
            continue
        weak = _version(line.words) or _cipher(line.words)
        if weak:
            yield file.problem("old-tls", f"{line.keyword} allows {weak}", line.line)


def _open(section: Section) -> bool:
    """Its own stats lines, and nothing that asks who it is."""
    shown = any(section.own.find("stats", word) for word in ("enable", "uri", "admin", "realm", "refresh"))
    asked = section.has("stats", "auth") or section.has("stats", "http-request")
    denied = any(section.has(word) for word in ("http-request", "tcp-request"))
    return shown and not asked and not denied


def _reachable(bind: Bind) -> bool:
    return not bind.socket and not _loopback(bind.address)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version(words: tuple[str, ...]) -> str:
    forced = next((old for word, old in _OLD_FORCED.items() if word in words), "")
    least = words[words.index("ssl-min-ver") + 1 :][:1] if "ssl-min-ver" in words else ()
    return forced or next((one for one in least if one in _OLD_VERSIONS), "")


def _cipher(words: tuple[str, ...]) -> str:
    given = words[words.index("ciphers") + 1 :][:1] if "ciphers" in words else ()
    given = words[1:2] if words[0] == "ssl-default-bind-ciphers" else given
    names = [one for text in given for one in text.split(":") if one[:1] not in ("!", "-")]
    return next((one for one in names if any(weak in one for weak in _WEAK_CIPHERS)), "")


CHECKS: tuple[FileCheck, ...] = (statistics, commands, old_tls)
