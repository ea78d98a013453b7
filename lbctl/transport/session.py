"""One SSH connection to one node (fabric), and scripts sent over it."""

from __future__ import annotations

import select
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lbctl.errors import BecomeError, RemoteError, UnreachableError
from lbctl.model.cluster import Ssh
from lbctl.transport import openssh, proxy

if TYPE_CHECKING:
    from fabric import Connection
    from paramiko import Channel

_PASSWORD = "@PW@"  # what sudo asks with; answered, and never a part of the script
_READY = "@READY@"
_KEEPALIVE = 5  # seconds; a link that is lost in silence is noticed by nothing else


class Session:
    """A logged-in connection. Not safe to open from two threads at once."""

    def __init__(self, node: str, ssh: Ssh, config: Path | None) -> None:
        self.node = node
        self._ssh = ssh
        self._config = config
        self._link: proxy.Link | None = None
        self._connection: Connection | None = None

    def open(self) -> None:
        """Connect and log in, once. Raises UnreachableError: down, unknown or changed host key, refused."""
        if self._connection is not None:
            return
        login = openssh.login(self.node, self._ssh, self._config)
        try:
            self._link = proxy.connect(login)
        except OSError as error:
            raise UnreachableError(
                self.node,
                "cannot be reached",
                detail=f"{login.host} port {login.port}: {error.strerror or error}",
                mend="is it up? try: ssh " + self._ssh.host,
            ) from error
        try:
            self._connection = self._login(login, self._link)
        except UnreachableError:
            self._link.close()
            raise

    def _login(self, login: openssh.Login, link: proxy.Link) -> Connection:
        from fabric import Config, Connection
        from paramiko import (
            AuthenticationException,
            BadHostKeyException,
            PasswordRequiredException,
            RejectPolicy,
            SSHException,
        )

        connection = Connection(
            login.known_as,
            user=login.user,
            port=22 if login.alias else login.port,
            config=Config(overrides={"load_ssh_configs": False}, lazy=True),
            connect_timeout=login.timeout,
            connect_kwargs={
                "sock": link.stream,
                "key_filename": list(login.keys) or None,
                "look_for_keys": False,
                "allow_agent": login.agent,
                "banner_timeout": login.timeout,
                "auth_timeout": login.timeout,
            },
        )
        connection.client.set_missing_host_key_policy(RejectPolicy())
        for path in login.known_hosts:
            connection.client.load_system_host_keys(path)
        known = f"{login.known_as} in {' '.join(login.known_hosts) or 'no file'}"
        try:
            connection.open()
        except BadHostKeyException as error:
            raise UnreachableError(
                self.node,
                "its host key has changed",
                detail=f"looked up as {known}",
                mend="if the machine was replaced, remove the old key: ssh-keygen -R " + login.known_as,
            ) from error
        except PasswordRequiredException as error:
            raise UnreachableError(
                self.node, "the key needs a passphrase", mend="ssh-add it to an agent first"
            ) from error
        except AuthenticationException as error:
            raise UnreachableError(
                self.node,
                f"login as {login.user} was refused",
                detail="keys tried: " + (", ".join(login.keys) or "none"),
                mend=f"try: ssh {login.user}@{self._ssh.host}",
            ) from error
        except (SSHException, OSError, EOFError) as error:
            raise self._not_connected(login, known, error) from error
        transport = connection.transport
        transport.set_keepalive(_KEEPALIVE)
        return connection

    def _not_connected(self, login: openssh.Login, known: str, error: Exception) -> UnreachableError:
        if "not found in known_hosts" in str(error):
            return UnreachableError(
                self.node,
                "its host key is not known",
                detail=f"looked up as {known}",
                mend=f"check the key and add it: ssh {self._ssh.host}",
            )
        via = " through its proxy" if login.proxy else ""
        return UnreachableError(
            self.node,
            f"cannot be reached{via}",
            detail=f"{login.host} port {login.port}: {error or 'the connection was closed'}",
            mend="is it up, and are all host keys on the way known? try: ssh " + self._ssh.host,
        )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._link is not None:
            self._link.close()
            self._link = None

    def shell(self, timeout: float) -> Channel:
        """A root shell that reads a script on its standard input. Raises BecomeError, UnreachableError."""
        from paramiko import SSHException

        self.open()
        assert self._connection is not None
        try:
            channel: Channel = self._connection.create_session()
            channel.settimeout(timeout)
            channel.exec_command(self._become())
        except (SSHException, OSError, EOFError) as error:
            raise UnreachableError(self.node, "the connection is gone", detail=str(error)) from error
        if self._ssh.become:
            self._answer_sudo(channel, timeout)
        return channel

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
                raise BecomeError(self.node, _sudo_said(said.replace(_PASSWORD, ""), prompts))

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
            raise RemoteError(
                self.node, f"no answer within {timeout:g} s", detail="the link or the node hangs"
            ) from error
        except OSError as error:
            raise UnreachableError(self.node, "the connection is gone", detail=str(error)) from error
        finally:
            channel.close()
        return bytes(output[0]), bytes(output[1])


def _sudo_said(said: str, prompts: int) -> str:
    if prompts > 1:
        return "sudo refused the password"
    if prompts == 1:
        return "sudo asks for a password: set ssh.become_password in the cluster file"
    last = [line for line in said.splitlines() if line.strip()][-1:]
    return f"sudo refused: {last[0] if last else 'no answer'}"


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
