"""Speaking to nodes, by type: a Reader cannot write. Plan, drift and status are given a Reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from threading import Event
from typing import Protocol

from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Clock, Command, Probe


class Reader(Protocol):
    """Asks a node. Safe to use from several threads for different nodes."""

    def ask(self, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
        """The probes' answers, in one remote command. Raises NodeError."""
        ...

    def add(self, node: Node) -> None:
        """Reach one node more: one that the nodes' own records name, and the file does not."""
        ...

    def close(self) -> None: ...


class Transport(Reader, Protocol):
    """Asks, and runs calls of the node's library."""

    def run(self, node: str, commands: Sequence[Command], *, timeout: float = 60) -> tuple[str, ...]:
        """Run the commands in order, in one remote command; what each said.

        Raises RemoteError at the first that fails, with its last lines; those after it were not begun.
        `timeout` is in seconds, for all of them.
        """
        ...

    def lines(self, node: str, probe: Probe, over: Event) -> Iterator[str]:
        """What a probe says that goes on for as long as its input is open, line by line.

        When `over` is set that ends, and what it says at its end still comes. It has a channel of its own.
        Raises NodeError where it falls silent, or the connection is gone; both harm nothing else.
        """
        ...

    def lock(self, node: str, what: str) -> AbstractContextManager[None]:
        """Hold the node's lock for as long as the context and the connection live. Raises LockedError."""
        ...

    def reconnect(self, node: str) -> None:
        """A new connection in place of one that was lost, with the lock where it was held. Tries once.

        Raises NodeError; LockedError when somebody else has got the lock meanwhile.
        """
        ...

    def clock(self, node: str) -> Clock:
        """The node's clock against this machine's, by the quickest of a few questions. Raises NodeError."""
        ...
