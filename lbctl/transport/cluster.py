"""The nodes of a cluster, reached over SSH: the one implementation of Reader and Transport."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from lbctl.errors import CommandError, RemoteError
from lbctl.model.cluster import Node, Ssh
from lbctl.model.command import Answers, Clock, Command, Probe
from lbctl.transport import script
from lbctl.transport.clock import read_clock
from lbctl.transport.lock import Lock, not_root
from lbctl.transport.session import Session

_AT_ONCE = 32  # connections being opened at a time


class SshTransport:
    """Opens a connection to a node at the first use of it, and keeps it. `config` is for `ssh -F`."""

    def __init__(self, nodes: Sequence[Node], config: Path | None = None) -> None:
        self._config = config
        self._ways: dict[str, Ssh] = {}
        self._sessions: dict[str, Session] = {}
        self._locks: dict[str, Lock] = {}
        for node in nodes:
            self.add(node)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="open")
        self._opening: dict[str, Future[None]] = {}

    def add(self, node: Node) -> None:
        self._ways[node.name] = node.ssh
        self._sessions[node.name] = self._new(node.name)

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

    def _new(self, node: str) -> Session:
        return Session(node, self._ways[node], self._config)

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

    def lines(self, node: str, probe: Probe, over: Event) -> Iterator[str]:
        return self._session(node).lines(script.lasting(probe), over)

    def run(self, node: str, commands: Sequence[Command], *, timeout: float = 60) -> tuple[str, ...]:
        nonce = script.new_nonce()
        output, errors = self._output(node, nonce, script.writing(nonce, commands), timeout)
        answers = _whole(node, script.answers(nonce, output), errors or output)
        for number, answer in answers.items():
            if answer.status != 0:
                function, *words = commands[int(number)].words
                evidence = answer.text.strip().splitlines()[-12:]
                raise CommandError(node, function, detail=" ".join(words[:2]), evidence=evidence)
        return tuple(answers[str(number)].text for number in range(len(commands)))

    def _output(self, node: str, nonce: str, text: str, timeout: float) -> tuple[bytes, bytes]:
        output, errors = self._session(node).run(text, timeout)
        if script.not_root(nonce, output):
            raise not_root(node)
        return output, errors

    @contextmanager
    def lock(self, node: str, what: str) -> Iterator[None]:
        """The lock is held by a process on this connection: it is gone when the connection is."""
        lock = Lock(what)
        lock.take(self._session(node))
        self._locks[node] = lock
        try:
            yield
        finally:
            del self._locks[node]
            lock.release()

    def reconnect(self, node: str) -> None:
        """The one way to a second connection; until it stands, every use of the node fails at once."""
        self._sessions[node].close()
        fresh = self._new(node)
        try:
            fresh.open()
            if node in self._locks:
                self._locks[node].take(fresh)
        except BaseException:
            fresh.close()
            raise
        self._sessions[node] = fresh

    def clock(self, node: str) -> Clock:
        return read_clock(self._session(node))

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
