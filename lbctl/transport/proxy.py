"""A connected socket to a node: direct, or through a proxy command of OpenSSH's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from dataclasses import dataclass

from lbctl.transport.openssh import Login


@dataclass
class Link:
    """A stream to the node's sshd, and the proxy's process if there is one."""

    stream: socket.socket
    proxy: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Close the stream; the proxy ends with it, and is ended after two seconds if it does not."""
        self.stream.close()
        if self.proxy is None:
            return
        try:
            self.proxy.wait(2)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.proxy.pid, signal.SIGKILL)
            self.proxy.wait()


def connect(login: Login) -> Link:
    """Raises OSError when there is no connection.

    paramiko's own ProxyCommand spins at 100 % CPU when its process ends (measured: a closed port took 15 s);
    a socketpair gives an end of file at once. The process gets a session of its own: a Ctrl-C at the
    terminal must not cut the connections under a running apply.
    """
    if not login.proxy:
        return Link(socket.create_connection((login.host, login.port), timeout=login.timeout))
    ours, theirs = socket.socketpair()
    with theirs:
        proxy = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {login.proxy}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Link(ours, proxy)
