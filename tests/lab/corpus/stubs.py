"""What configurations name beside themselves, made on a node: files, directories, accounts, interfaces.

No account for keepalived's scripts: with one, `keepalived -t` of 2.2.7 kills itself.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lbctl.document import Document
from lbctl.keepalived.reader import read

PATH = re.compile(r"/[A-Za-z0-9][\w./+@-]*")
WORD = re.compile(r"[A-Za-z_][\w-]{0,30}")
INTERFACE = re.compile(r"[A-Za-z][\w.-]{0,14}")
DIRECTORIES = frozenset({"chroot", "ca-base", "crt-base", "errorfiles", "server-state-base"})
CERTIFICATES = frozenset(
    {"crt", "ca-file", "crl-file", "ca-verify-file", "ca-sign-file", "ssl-dh-param-file"}
)
ACCOUNTS = ("user", "group")
HAVE = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/dev/", "/proc/", "/sys/")
# Functions for the node's shell: nothing that is there is replaced. /root/pem is the certificate.
MAKE = r"""
set -u
printf 'HTTP/1.0 503 Out\r\nConnection: close\r\n\r\n' >/root/http
printf '#!/bin/sh\n' >/root/script
chmod 755 /root/script
directory() { mkdir -p "$1"; }
place() { mkdir -p "${2%/*}"; [ -e "$2" ] || cp "$1" "$2"; }
script() { place /root/script "$1"; }
account() { getent "$1" "$2" >/dev/null || "$3" --system "$2"; }
interface() { ip link add "$1" type dummy || ip link add "$1" type bridge; ip link set "$1" up; }
exec 2>/dev/null
"""


def certificate() -> bytes:
    """A self-signed certificate with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stub")])
    today = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, today, today + timedelta(days=30))
    signed = made.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    return signed.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption())


def haproxy(documents: Iterable[Document]) -> str:
    """The shell text that makes what these configurations name."""
    lines = {line for document in documents for line in _haproxy(document)}
    return "\n".join([MAKE, *sorted(lines), "true\n"])


def keepalived(documents: Iterable[Document]) -> str:
    """The shell text that makes what these configurations name."""
    lines = {line for document in documents for line in _keepalived(document)}
    return "\n".join([MAKE, *sorted(lines), "true\n"])


def literal(document: Document) -> dict[str, str]:
    """An environment in which every variable of a configuration stands for the text that names it."""
    found = {}
    text = document.render().decode("utf-8", "surrogateescape")
    for match in re.finditer(r"\$(?:(\w+)|\{(\w+)[^}]*\})", text):
        found[match[1] or match[2]] = match[0]
    return found


def _haproxy(document: Document) -> Iterator[str]:
    base = _base(document)
    for _, statement in document.walk():
        for before, word in pairwise(statement.words):
            if before in ACCOUNTS and WORD.fullmatch(word):
                yield _line("account", "passwd" if before == "user" else "group", word, f"{before}add")
            paths = PATH.findall(word)
            if before in CERTIFICATES and not word.startswith("/") and WORD.match(word):
                paths = [f"{base}/{word}"]
            for path in paths:
                yield _stub(before, path)


def _base(document: Document) -> str:
    """Where certificates without a path of their own are."""
    return next((one.name for _, one in document.walk() if one.keyword in ("crt-base", "ca-base")), "/root")


def _stub(before: str, path: str) -> str:
    if path.startswith(HAVE):
        return ":"
    if before in DIRECTORIES or path.endswith("/"):
        return _line("directory", path)
    if path.endswith((".sock", ".socket", ".ipc")) or before == "socket":
        return _line("directory", path.rpartition("/")[0] or "/")
    source = "/dev/null"
    if before in CERTIFICATES or path.endswith((".pem", ".crt", ".key", ".cer")):
        source = "/root/pem"
    elif path.endswith((".http", ".html")):
        source = "/root/http"
    return _line("place", source, path)


def _keepalived(document: Document) -> Iterator[str]:
    for path, statement in replace(document, statements=read(document)).walk():
        words = statement.words
        for before, word in pairwise(words):
            if before in ("interface", "dev", "lvs_sync_daemon") and INTERFACE.fullmatch(word):
                yield _line("interface", word)
            for place in PATH.findall(word):
                if words[0].startswith(("script", "notify", "misc_path", "quorum")) and not place.startswith(
                    HAVE
                ):
                    yield _line("script", place)
        if path and path[-1].keyword == "track_interface" and INTERFACE.fullmatch(words[0]):
            yield _line("interface", words[0])


def _line(*words: str) -> str:
    return shlex.join(words)
