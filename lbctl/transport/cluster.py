"""The nodes of a cluster, reached over SSH: the one implementation of Reader and Transport."""

from __future__ import annotations

import getpass
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lbctl.errors import BecomeError, LockedError, RemoteError
from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Command, Probe, command
from lbctl.transport import script
from lbctl.transport.session import Session

if TYPE_CHECKING:
    from paramiko import Channel

_LOCK_SECONDS = 15
_BEAT_SECONDS = 10
_AT_ONCE = 32  # connections being opened at a time


@contextmanager
def _beating(channel: Channel) -> Iterator[None]:
    """Say that this end is alive, a few times in the minute for which the node's lock waits for it."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_SECONDS):
            try:
                channel.send(b".")
            except OSError:
                return  # the connection is gone, and the lock with it

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


class SshTransport:
    """Opens a connection to a node at the first use of it, and keeps it. `config` is for `ssh -F`."""

    def __init__(self, nodes: Sequence[Node], config: Path | None = None) -> None:
        self._config = config
        self._sessions: dict[str, Session] = {}
        for node in nodes:
            self.add(node)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="open")
        self._opening: dict[str, Future[None]] = {}

    def add(self, node: Node) -> None:
        self._sessions[node.name] = Session(node.name, node.ssh, self._config)

    def begin(self) -> None:
        """Begin to log in everywhere; whoever uses a node first waits for its own shell and gets its error.

        Whatever the caller does meanwhile costs nothing: logging in is mostly waiting.
        """
        self._opening = {name: self._pool.submit(session.ready) for name, session in self._sessions.items()}
        # The slowest imports of all, here while `ssh -G` and the proxies start: the logins need them at once.
        # paramiko first, as the logins do: fabric begins with a module inside it, and two threads that enter
        # a package at both ends deadlock, which Python resolves with a KeyError (seen on a busy machine)
        import paramiko  # noqa: F401, I001 - for its import alone, in this order
        import fabric  # noqa: F401 - for its import alone

    def _session(self, node: str) -> Session:
        """The node's session, after what `begin` began for it. Raises NodeError."""
        opening = self._opening.pop(node, None)
        if opening is not None:
            opening.result()
        return self._sessions[node]

    def ask(self, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
        nonce = script.new_nonce()
        output, errors = self._output(node, nonce, script.reading(nonce, probes), timeout)
        return _whole(node, script.read_answers(nonce, output), errors or output)

    def run(self, node: str, commands: Sequence[Command], *, timeout: float = 60) -> tuple[str, ...]:
        nonce = script.new_nonce()
        output, errors = self._output(node, nonce, script.writing(nonce, commands), timeout)
        answers = _whole(node, script.answers(nonce, output), errors or output)
        for number, answer in answers.items():
            if answer.status != 0:
                words = commands[int(number)].words
                raise RemoteError(
                    node,
                    f"{words[0].replace('_', ' ')} failed",
                    detail=" ".join(words[1:3]),
                    evidence=answer.text.strip().splitlines()[-12:],
                )
        return tuple(answers[str(number)].text for number in range(len(commands)))

    def _output(self, node: str, nonce: str, text: str, timeout: float) -> tuple[bytes, bytes]:
        output, errors = self._session(node).run(text, timeout)
        if script.not_root(nonce, output):
            raise _not_root(node)
        return output, errors

    @contextmanager
    def lock(self, node: str, what: str) -> Iterator[None]:
        """The lock is held by a process on this connection: it is gone when the connection is."""
        nonce = script.new_nonce()
        who = f"{getpass.getuser()}@{socket.gethostname()}"
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        call = command("hold_lock", nonce, who, what, since).shell()
        session = self._session(node)
        channel = session.shell(_LOCK_SECONDS)
        try:
            # the shell's own input stays open: hold_lock reads it until the connection ends
            text = f"{script.library()}\nexec 3<&0\n{call}\nexit $?\n"
            answer = session.converse(channel, text, f"@{nonce} ", _LOCK_SECONDS)
            if answer.startswith("cannot"):
                raise _not_root(node, answer)
            if not answer:
                raise RemoteError(node, "the lock could not be asked for")
            if not answer.startswith("locked"):
                raise LockedError(
                    node,
                    "somebody else is at work on it",
                    detail=answer,
                    mend="wait for it, or look with: lbctl status",
                )
            with _beating(channel):
                yield
        finally:
            channel.close()

    def close(self, *, wait: bool = True) -> None:
        """Close all connections; without `wait` not those that are just being opened: the process ends."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
        for session in self._sessions.values():
            session.close()


def _whole(node: str, answers: Answers | None, said: bytes) -> Answers:
    """The answers. Raises RemoteError, with what was `said` last, when there are none."""
    if answers is None:
        last = said.decode("utf-8", "replace").strip().splitlines()[-5:]
        raise RemoteError(node, "the answer was cut short", evidence=last)
    return answers


def _not_root(node: str, said: str = "") -> BecomeError:
    mend = "log in as root, or say ssh: {become: sudo} in the cluster file"
    return BecomeError(node, "lbctl has to be root there, and is not", detail=said, mend=mend)
