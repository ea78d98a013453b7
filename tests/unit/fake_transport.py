"""The Transport protocol over nodes in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from lbctl.errors import CommandError, UnreachableError
from lbctl.keepalived import parse
from lbctl.keepalived.views import instances
from lbctl.model.cluster import Node
from lbctl.model.command import Answer, Answers, Clock, Command, Probe
from lbctl.store.workspace import ClusterState
from tests.unit.fake_node import KEEPALIVED, FakeNode, answer, do

Failing = Callable[[int, str, Command], bool]
"""Does this command fail? Its number over all nodes, its node, itself."""
NOTHING_KEPT = ClusterState(Path("nowhere"))
"""A workspace that no apply was made from."""


@dataclass
class FakeTransport:
    """Implements Transport. `calls` are the commands that were run: node and function, in order.

    Of the functions in `lost` it is the answer that fails: they are carried out. Nodes that are `cut` off
    answer nothing until they are connected again, each try of which `connecting` may let fail.
    """

    nodes: dict[str, FakeNode]
    failing: Failing = lambda number, node, command: False
    lost: frozenset[str] = frozenset()
    calls: list[tuple[str, str]] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    stopping: set[str] = field(default_factory=set)
    connecting: Callable[[str], None] = lambda node: None
    outcome: Callable[[str, str], str] = lambda place, port: "ok"
    probing: list[str] = field(default_factory=list)
    keeping: list[str] = field(default_factory=list)

    def ask(self, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
        self._link(node)
        return {probe.name: self._answer(node, probe) for probe in probes}

    def run(self, node: str, commands: Sequence[Command], *, timeout: float = 60) -> tuple[str, ...]:
        said = []
        for command in commands:
            self._link(node)
            number = len(self.calls)
            self.calls.append((node, command.words[0]))
            if self.failing(number, node, command):
                if command.words[0] in self.lost:
                    do(self.nodes[node], command)
                raise CommandError(node, command.words[0], evidence=["as the test wants it"])
            said.append(do(self.nodes[node], command) or self._adverts(node, command))
        return tuple(said)

    def lines(self, node: str, probe: Probe, over: Event) -> Iterator[str]:
        """A prober whose requests take no time; what becomes of each says `outcome`, by node and port."""
        ports = re.findall(r"(?:http|tcp)/\S+", probe.script.partition("<<")[0])
        self.probing.append(node)
        if not re.search(r"/dev/fd/9 \S+ 0 ", probe.script):
            self.keeping.append(node)
        began, number = time.monotonic(), 0
        yield f"probe ready {0:.2f}"
        while not over.wait(0.002):
            self._link(node)
            port = number % len(ports)
            outcome = self.outcome(node, ports[port])
            at = time.monotonic() - began  # and no earlier: it would be of the step before
            yield f"probe {at:.4f} {at:.4f} {port} {outcome}"
            number += 1

    def lock(self, node: str, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def add(self, node: Node) -> None:
        assert node.name in self.nodes, node.name

    def reconnect(self, node: str) -> None:
        self.connecting(node)
        self.cut.discard(node)

    def _link(self, node: str) -> None:
        if node in self.cut:
            raise UnreachableError(node, "the connection is gone")

    def clock(self, node: str) -> Clock:
        return Clock(0, 0)

    def close(self) -> None:
        return None

    def holder(self) -> str:
        best = max(self.nodes, key=lambda name: self.nodes[name].priority)
        return best if self.nodes[best].priority else ""

    def _answer(self, name: str, probe: Probe) -> Answer:
        if probe.name == "addresses":
            return Answer(0, self._addresses(name).encode())
        if probe.name == "running":
            return Answer(0, b"stopping" if name in self.stopping else b"running")
        return answer(self.nodes[name], probe)

    def _addresses(self, name: str) -> str:
        found = [f"2: eth0    inet {self.nodes[name].address}/24 scope global eth0"]
        if self.holder() == name:
            found.append("2: eth0    inet 10.0.0.9/32 scope global eth0")
        return "\n".join(found)

    def _adverts(self, node: str, command: Command) -> str:
        """What a node hears of the holder, unless it is deaf; its own keepalived sends nothing."""
        holder = self.nodes[self.holder()] if self.holder() else None
        if command.words[0] != "hear_adverts" or self.nodes[node].deaf or holder is None:
            return ""
        assert "keepalived" not in self.nodes[node].state.active, "it listens before it starts"
        vrid = instances(parse(holder.state.loaded[KEEPALIVED]))[0].virtual_router_id
        return (
            f"advert eth0 {holder.address} 224.0.0.18 255 21 {vrid:02x} 64 01 00 01 00 00 0a 00 00 09"
            + " 00" * 8
        )
