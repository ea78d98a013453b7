"""Which files a daemon is started with, by the words of its command line."""

from __future__ import annotations

import pytest

from lbctl.adopt.live import first
from lbctl.model.command import Answer


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        (("haproxy", "-Ws", "-f", "/etc/haproxy/a.cfg", "-f", "/etc/haproxy/b"), ("a.cfg", "b")),
        (("haproxy", "-Ws", "--", "/etc/haproxy/a.cfg", "/etc/haproxy/b"), ("a.cfg", "b")),
        (("haproxy", "-Ws"), ("haproxy.cfg",)),
        (("haproxy", "-Ws", "-f"), ("",)),
        ((), ("haproxy.cfg",)),  # /etc/default/haproxy breaks the shell that reads it
    ],
)
def test_haproxy(words: tuple[str, ...], reads: tuple[str, ...]) -> None:
    said = "".join(f"{word}\n" for word in words).encode()
    found = first("lb1", {"arguments.haproxy": Answer(0, said)}).reads["haproxy"]
    assert [path.removeprefix("/etc/haproxy/") for path in found] == list(reads)


@pytest.mark.parametrize(
    "option",
    [
        ("-f", "/etc/a.conf"),
        ("-f/etc/a.conf",),
        ("-lDf", "/etc/a.conf"),
        ("--use-file=/etc/a.conf",),
        ("--use-file", "/etc/a.conf"),
    ],
)
def test_keepalived(option: tuple[str, ...]) -> None:
    said = "".join(f"{word}\n" for word in ("keepalived", *option)).encode()
    assert first("lb1", {"arguments.keepalived": Answer(0, said)}).reads["keepalived"] == ("/etc/a.conf",)
