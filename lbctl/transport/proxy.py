"""A connected socket to a node: direct, or through a proxy command of OpenSSH's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO

from lbctl.transport.openssh import Login

_GRACE = 0.5  # seconds for a proxy that has lost its stream to end, and to say why
_LOST = 30_000  # milliseconds without an acknowledgement after which a direct connection counts as lost


@dataclass
class Link:
    """A stream to the node's sshd; with a proxy, its process and what that writes on standard error."""

    stream: socket.socket
    proxy: subprocess.Popen[bytes] | None = None
    errors: IO[bytes] | None = None

    def close(self) -> None:
        """Close the stream; the proxy is ended with it."""
        self.stream.close()
        if self.proxy is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.proxy.pid, signal.SIGTERM)
            self._end(self.proxy)
        if self.errors is not None:
            self.errors.close()

    @property
    def ended(self) -> bool:
        """Has the proxy ended by itself?"""
        return self.proxy is not None and self.proxy.poll() is not None

    def said(self) -> list[str]:
        """What the proxy wrote on standard error, without empty and framing lines."""
        if self.proxy is None or self.errors is None:
            return []
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.proxy.wait(_GRACE)
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").splitlines()
        return [line.strip() for line in lines if line.strip(" @\r")]

    def _end(self, proxy: subprocess.Popen[bytes]) -> None:
        try:
            proxy.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(proxy.pid, signal.SIGKILL)
            proxy.wait()


def connect(login: Login) -> Link:
    """Raises OSError when there is no connection.

    paramiko's own ProxyCommand spins at 100 % CPU when its process ends (measured: a closed port took 15 s);
    a socketpair gives an end of file at once. The process gets a session of its own: a Ctrl-C at the
    terminal must not cut the connections under a running apply.
    """
    if not login.proxy:
        stream = socket.create_connection((login.host, login.port), timeout=login.timeout)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST)
        return Link(stream)
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - the link closes it
    with theirs:
        proxy = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {login.proxy}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=errors,
            start_new_session=True,
        )
    return Link(ours, proxy, errors)
