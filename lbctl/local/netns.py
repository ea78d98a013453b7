"""Network namespaces of this machine: commands and sockets inside a named one.

Nothing here sends a packet from the namespace that the caller lives in.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lbctl.errors import LocalError
from lbctl.local.process import run
from lbctl.local.spawn import run_in

NETNS = Path("/run/netns")
CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns comes only with Python 3.12


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in a named network namespace, and in no other one of its own."""
    return ["nsenter", f"--net={NETNS / namespace}", "--", *argv]


def names(start: str = "") -> list[str]:
    """The named network namespaces whose name begins with `start`."""
    return sorted(path.name for path in NETNS.glob("*") if path.name.startswith(start))


def add(namespace: str, groups: Sequence[Path]) -> None:
    """Make a namespace with its loopback up, in control groups (directories).

    Raises LocalError when there is one of that name.
    """
    run_in(groups, ["ip", "netns", "add", namespace])
    run(["ip", "-n", namespace, "link", "set", "lo", "up"])


def remove(namespace: str) -> None:
    """Take a namespace's name away, if there is one; it ends with its last process."""
    run(["ip", "netns", "del", namespace], check=False)


def pids(namespace: str) -> list[int]:
    """The processes that live in a namespace; empty when there is none of that name."""
    done = run(["ip", "netns", "pids", namespace], check=False)
    return [int(word) for word in done.stdout.split()]


def batch(namespace: str, commands: Sequence[str]) -> None:
    """Run `ip` commands in a namespace, stopping at the first that fails. Raises LocalError."""
    run(["ip", "-n", namespace, "-batch", "-"], stdin="".join(f"{line}\n" for line in commands).encode())


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Let the calling thread, and it alone, live in a namespace. A socket made there stays there."""
    with (NETNS / namespace).open() as wanted, Path("/proc/thread-self/ns/net").open() as own:
        _setns(wanted.fileno(), namespace)
        try:
            yield
        finally:
            _setns(own.fileno(), "its own")


def tcp_banner(namespace: str, address: str, port: int, *, timeout: float) -> bytes:
    """The first bytes that a TCP server says to a client in a namespace. Raises OSError.

    `timeout` in seconds holds for the connect and for the bytes, each.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(namespace):
        sock = socket.socket(family, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(timeout)
        sock.connect((address, port))
        return sock.recv(255)


def _setns(descriptor: int, name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise LocalError(f"cannot enter the network namespace {name}", detail=os.strerror(ctypes.get_errno()))
