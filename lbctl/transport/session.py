"""One SSH connection to one node (fabric), and scripts sent over it."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lbctl.errors import BecomeError, RemoteError, UnreachableError
from lbctl.model.cluster import Ssh
from lbctl.transport import openssh, proxy
from lbctl.transport.login import log_in, unreachable

if TYPE_CHECKING:
    from fabric import Connection
    from paramiko import Channel

_PASSWORD = "@PW@"  # what sudo asks with; answered, and never a part of the script
_READY = "@READY@"
_SHELL_SECONDS = 30  # for a shell that nobody waits for yet
_BEAT_SECONDS = 5.0  # between two signs of life for a script that lasts
_SILENT_SECONDS = 16.0  # until one that says nothing counts as lost, as for a lock
_LOOK_SECONDS = 0.2
_GREETING = b"SSH-"  # RFC 4253, 4.2; one that says other lines before it merely is not known to be there
_GREETING_SECONDS = 2.0


class Session:
    """One logged-in connection, from its opening to its end; another one is another session.

    Not safe to open from two threads at once.
    """

    def __init__(self, node: str, ssh: Ssh, config: Path | None) -> None:
        self.node = node
        self._ssh = ssh
        self._config = config
        self._link: proxy.Link | None = None
        self._connection: Connection | None = None
        self._waiting: Channel | None = None
        self._closed = False

    def ready(self) -> None:
        """Connect, log in, and have a root shell wait for the first script. Raises NodeError."""
        self.open()
        self._waiting = self._new_shell(_SHELL_SECONDS)

    def open(self) -> None:
        """Connect and log in, once. Raises UnreachableError: down, unknown or changed host key, refused."""
        if self._closed:
            raise UnreachableError(self.node, "the connection is gone")
        if self._connection is not None:
            return
        login = openssh.login(self.node, self._ssh, self._config)
        try:
            link = proxy.connect(login)
        except OSError as error:
            detail = f"{login.host} port {login.port}: {error.strerror or error}"
            raise unreachable(self.node, self._ssh, detail) from error
        try:
            self._connection = log_in(self.node, self._ssh, login, link)
            self._link = link
        finally:
            if self._link is None:
                link.close()

    def greets(self) -> bool:
        """Does the node's sshd greet a new connection? One that hangs, or is cut off, does not."""
        try:
            login = openssh.login(self.node, self._ssh, self._config)
            link = proxy.connect(replace(login, timeout=_GREETING_SECONDS))
        except (OSError, UnreachableError):
            return False
        try:
            link.stream.settimeout(_GREETING_SECONDS)
            return link.stream.recv(len(_GREETING)) == _GREETING
        except OSError:
            return False
        finally:
            link.close()

    def lose(self) -> None:
        """The other end is silent: whatever waits for it, in any thread, fails now."""
        if self._connection is not None:
            self._connection.transport.close()

    def close(self) -> None:
        """For good; whoever uses it afterwards is told that it is gone."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._link is not None:
            self._link.close()
            self._link = None

    def shell(self, timeout: float) -> Channel:
        """A root shell that reads a script on its standard input. Raises NodeError."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.closed:
            self.open()
            return self._new_shell(timeout)
        waiting.settimeout(timeout)
        return waiting

    def _new_shell(self, timeout: float) -> Channel:
        assert self._connection is not None
        with self._bounded(timeout):
            # not fabric's own: on a connection that has ended it begins another, on a socket that is closed
            channel: Channel = self._connection.transport.open_session()
            channel.settimeout(timeout)
            channel.exec_command(self._become())
            if self._ssh.become:
                self._answer_sudo(channel, timeout)
        return channel

    @contextmanager
    def _bounded(self, timeout: float) -> Iterator[None]:
        """A link that is lost in silence ends after `timeout` seconds, as a NodeError.

        paramiko waits for the answer to a request without a bound of its own; closing the connection
        under it is what ends that.
        """
        from paramiko import SSHException

        assert self._connection is not None
        watch = threading.Timer(timeout, self._connection.transport.close)
        watch.daemon = True
        began = time.monotonic()
        watch.start()
        try:
            yield
        except (SSHException, OSError, EOFError) as error:
            if isinstance(error, TimeoutError) or time.monotonic() - began >= timeout:
                raise self._silent(timeout) from error
            raise self._gone(error) from error
        finally:
            watch.cancel()

    def _gone(self, error: Exception) -> UnreachableError:
        """With what a proxy on the way said of it."""
        said = self._link.said()[-3:] if self._link else []
        return UnreachableError(self.node, "the connection is gone", detail=str(error), evidence=said)

    def _silent(self, timeout: float) -> RemoteError:
        return RemoteError(self.node, f"no answer within {timeout:g} s", detail="the link or the node hangs")

    def _become(self) -> str:
        if not self._ssh.become:
            return "exec env LC_ALL=C sh -s"
        marked = f"sh -c 'echo {_READY}; exec sh -s'"
        if self._ssh.become_password:
            # -k: a cached login must not turn the password into a line of the script
            return f"exec env LC_ALL=C sudo -k -S -p {_PASSWORD} {marked}"
        return f"exec env LC_ALL=C sudo -n {marked}"

    def _answer_sudo(self, channel: Channel, timeout: float) -> None:
        """Answer sudo's prompt, once; wait for the shell. Nothing of a script is sent before it stands."""
        said, asked, until = "", 0, time.monotonic() + timeout
        while _READY not in said:
            received = _receive(channel, until)
            said += received[1].decode("utf-8", "replace") if received else ""
            prompts = said.count(_PASSWORD)
            if prompts > asked and asked == 0 and self._ssh.become_password:
                channel.sendall(self._ssh.become_password.encode() + b"\n")
                asked = prompts
            elif prompts > asked or received is None:
                channel.close()
                answered = bool(self._ssh.become_password)
                why = _sudo_said(said.replace(_PASSWORD, ""), prompts, answered=answered)
                raise BecomeError(self.node, why)

    def run(self, script: str, timeout: float) -> tuple[bytes, bytes]:
        """Send a script to a fresh root shell; its standard output and error. Raises NodeError."""
        channel = self.shell(timeout)
        until = time.monotonic() + timeout
        output: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        try:
            channel.sendall(script.encode("utf-8", "surrogateescape"))
            channel.shutdown_write()
            while received := _receive(channel, until):
                stream, data = received
                output[stream].extend(data)
        except TimeoutError as error:
            raise self._silent(timeout) from error
        except OSError as error:
            raise self._gone(error) from error
        finally:
            channel.close()
        return bytes(output[0]), bytes(output[1])

    def lines(self, script: str, over: threading.Event) -> Iterator[str]:
        """Send a script to a fresh root shell, whose input stays open until `over`; its lines as they come.

        A byte follows every few seconds, by which the script knows that this end lives. Raises NodeError.
        """
        channel = self.shell(_SILENT_SECONDS)
        try:
            channel.sendall(script.encode())
            yield from _split(_spoken(channel, over))
        except TimeoutError as error:
            raise self._silent(_SILENT_SECONDS) from error
        except OSError as error:
            raise self._gone(error) from error
        finally:
            channel.close()

    def converse(self, channel: Channel, script: str, marker: str, timeout: float) -> str:
        """Send a script to a shell, whose input stays open, and wait for the line that begins with `marker`.

        The rest of that line; "" when the shell ended without it. Raises NodeError.
        """
        said = ""
        with self._bounded(timeout):
            until = time.monotonic() + timeout
            channel.sendall(script.encode())
            while "\n" not in said.partition(marker)[2]:
                received = _receive(channel, until)
                if received is None:
                    return ""
                said += received[1].decode("utf-8", "replace")
        return said.partition(marker)[2].partition("\n")[0].strip()


def _sudo_said(said: str, prompts: int, *, answered: bool) -> str:
    """Why sudo gave no shell, from what it said."""
    if prompts > 1:
        return "sudo refused the password"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    asks = prompts == 1 or any("password is required" in line for line in lines)
    if asks and not answered:
        mend = "set ssh.become_password in the cluster file (import: --become-password-env)"
        return f"sudo asks for a password: {mend}"
    return f"sudo refused: {lines[-1].removeprefix('sudo: ') if lines else 'no answer'}"


def _spoken(channel: Channel, over: threading.Event) -> Iterator[bytes]:
    """Standard output as it comes, with beats in the other direction. Raises TimeoutError after a silence."""
    beaten = heard = time.monotonic()
    ended = False
    while True:
        now = time.monotonic()
        if over.is_set() and not ended:
            ended = True
            channel.shutdown_write()
        if not ended and now - beaten > _BEAT_SECONDS:
            beaten = now
            channel.sendall(b".")
        try:
            received = _receive(channel, now + _LOOK_SECONDS)
        except TimeoutError:
            if now - heard > _SILENT_SECONDS:
                raise
            continue
        if received is None:
            return
        heard = now
        if received[0] == 0:
            yield received[1]


def _split(pieces: Iterator[bytes]) -> Iterator[str]:
    """Whole lines."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")


def _receive(channel: Channel, until: float) -> tuple[int, bytes] | None:
    """What comes next: 0 and bytes of standard output, 1 and bytes of error, None at the end.

    Raises TimeoutError.
    """
    while True:
        ended = channel.eof_received or channel.closed
        if channel.recv_ready():
            return 0, channel.recv(1 << 16)
        if channel.recv_stderr_ready():
            return 1, channel.recv_stderr(1 << 16)
        if ended:
            return None
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        select.select([channel], [], [], min(left, 1.0))
