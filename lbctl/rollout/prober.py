"""Asks the VIPs' ports while a rollout walks, from one node after the other, and keeps count.

A node that cannot ask any more loses samples, and nothing else: the next one takes over.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType

from lbctl.errors import LbctlError, RefusedError
from lbctl.host import prober
from lbctl.local.lines import lines as local_lines
from lbctl.model.cluster import Cluster
from lbctl.model.command import Probe
from lbctl.model.event import Event, Probed, StepFailed, StepStarted
from lbctl.model.facts import Facts
from lbctl.model.outage import LOCAL, NOBODY, Asking, Outage, Sample, Target
from lbctl.planning.order import node_order, vip_addresses
from lbctl.planning.outage import Tally
from lbctl.planning.targets import targets
from lbctl.transport.protocol import Transport

_FIRST_SECONDS = 5.0  # until every port was asked once: a request lasts 3.5 at most
_PAUSE = 1.0
_LOST_SECONDS = 10.0  # for which a node that failed is the last choice
_TELL_SECONDS = 1.0
_END_SECONDS = 10.0

Lines = Callable[[str, Probe, threading.Event], Iterator[str]]


class Prober:
    """Begun, told what happens (`event`), asked whether it was too much (`spent`), and ended.

    From the first of its places that is not under way. With an `off` it does nothing, for that reason. From
    `near` places no connection is kept: the VIP may come there, and the old holder would wait for its end.
    """

    def __init__(
        self,
        wanted: Sequence[Target],
        places: Sequence[str],
        lines: Lines,
        emit: Callable[[Event], None],
        most: float | None = None,
        off: str = "",
        near: Collection[str] = (),
    ) -> None:
        self.off, self._near = off, near
        self._targets = tuple(wanted)
        self._places = tuple(places)
        self._lines = lines
        self._emit = emit
        self._tally = Tally(self._targets, time.monotonic(), most)
        self._used: list[str] = []
        self._lost: dict[str, float] = {}
        self._under_way: set[str] = set()
        self._told = (0.0, -1)
        self._mutex = threading.RLock()
        self._over, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Prober:
        if not self.off:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def baseline(self) -> None:
        """Before the first node is touched: wait until every port was asked once. Those that answer count.

        Where nobody could ask by then, those that answer later.
        """
        until = time.monotonic() + _FIRST_SECONDS
        while not self.off and time.monotonic() < until and not self._heard_of_all():
            time.sleep(0.02)
        with self._mutex:
            if self._tally.asked():
                self._tally.touched = time.monotonic()
        self._tell()

    def event(self, event: Event) -> None:
        """A step begins, or fails, after which its node is undone."""
        now = time.monotonic()
        with self._mutex:
            if isinstance(event, StepStarted):
                self._tally.step(now, str(event.step.name), event.step.node)
                if not event.step.name.before_any_node_changes:
                    self._turn(event.step.node, together=event.step.together)
            elif isinstance(event, StepFailed):
                self._tally.step(now, "undo", event.step.node)

    def spent(self) -> str:
        """What is to be said when the outage so far is longer than it may be, or ""."""
        most = self._tally.most
        with self._mutex:
            seconds = self._tally.seconds() if most is not None else 0.0
        if most is None or seconds <= most:
            return ""
        return f"requests have failed for {seconds:.1f} s so far, more than --max-outage {most:g}"

    def end(self) -> Outage:
        """Nothing is asked any more; what was seen."""
        self._end()
        with self._mutex:
            if self.off:
                return Outage(most=self._tally.most, off=self.off)
            return self._tally.outage(time.monotonic(), self._used)

    def _end(self) -> None:
        self._over.set()
        self._leave.set()
        if self._thread.is_alive():
            self._thread.join(_END_SECONDS)

    def _turn(self, node: str, *, together: bool) -> None:
        """Another node is under way: who asks may have to change."""
        if node in self._under_way:
            return
        self._under_way = {node, *(self._under_way if together else ())}
        if self._used and self._best() != self._used[-1]:
            self._leave.set()

    def _best(self) -> str:
        """The first one that is not under way, and has not just failed."""
        now = time.monotonic()

        def rank(place: str) -> tuple[bool, bool]:
            return now - self._lost.get(place, -_LOST_SECONDS) < _LOST_SECONDS, place in self._under_way

        return min(self._places, key=rank)

    def _ask(self) -> None:
        while not self._over.is_set():
            with self._mutex:
                place, leave = self._best(), threading.Event()
                self._leave = leave
                if self._used[-1:] != [place]:
                    self._used.append(place)
            probe = prober.prober(self._targets, kept=place not in self._near)
            with suppress(LbctlError):  # its samples are lost: that is time in which nobody asked
                self._hear(place, probe, leave)
            with self._mutex:
                self._tally.blind(time.monotonic())
                if not leave.is_set():
                    self._lost[place] = time.monotonic()
            if not leave.is_set():
                self._over.wait(_PAUSE)

    def _hear(self, place: str, probe: Probe, leave: threading.Event) -> None:
        ahead: float | None = None  # this machine's clock before the place's uptime
        for line in self._lines(place, probe, leave):
            now = time.monotonic()
            began, said = prober.began(line), prober.said(line)
            with self._mutex:
                if began is not None:
                    ahead = now - began
                    self._tally.sees(now)
                elif said is not None and ahead is not None:
                    target = self._targets[said.number % len(self._targets)]
                    self._tally.add(Sample(target, said.began + ahead, said.ended + ahead, said.outcome))
            self._tell()
            if self._over.is_set():
                leave.set()

    def _heard_of_all(self) -> bool:
        with self._mutex:
            return self._tally.heard_of_all()

    def _tell(self) -> None:
        """Say it when more has failed, at most once a second."""
        with self._mutex:
            failed, (at, before) = self._tally.failed(), self._told
            early = time.monotonic() - at < _TELL_SECONDS or self._tally.touched == math.inf
            if self.off or failed == before or early:
                return
            self._told = (time.monotonic(), failed)
            event = Probed(self._tally.asked(), failed, round(self._tally.seconds(), 2))
        self._emit(event)


def made(
    cluster: Cluster,
    gathered: Mapping[str, Facts],
    transport: Transport,
    emit: Callable[[Event], None],
    asking: Asking,
) -> Prober:
    """What asks in this rollout. Nodes that hold no VIP come first, and of those the last that would get one.

    Raises RefusedError where nobody can keep to what the outage may be.
    """
    wanted = targets(cluster, gathered)
    places: tuple[str, ...] = (LOCAL,)
    lines: Lines = _local
    if asking.source != LOCAL:
        places, lines = _nodes(cluster, gathered), transport.lines
    if wanted and not places and asking.most is not None:
        raise RefusedError(
            "no node can ask, so no --max-outage can be kept to; nothing was changed",
            detail="it takes bash on a node",
            mend="--probe-from local, where this machine has a way to the VIPs",
        )
    off, near = _off(asking, wanted, places), _near(cluster, gathered, places)
    return Prober(wanted, places, lines, emit, asking.most, off, near)


def _near(cluster: Cluster, gathered: Mapping[str, Facts], places: Sequence[str]) -> tuple[str, ...]:
    """All but the lower one of two nodes that hold no VIP: who is alone gets the next one."""
    vips = vip_addresses(cluster)
    free = [name for name in places if name != LOCAL and not gathered[name].held & vips]
    away = free[0] if len(free) > 1 else LOCAL
    return tuple(name for name in places if name not in (away, LOCAL))


def _nodes(cluster: Cluster, gathered: Mapping[str, Facts]) -> tuple[str, ...]:
    """A holder would ask itself: its connections come by no network."""
    vips = vip_addresses(cluster)
    able = [
        name
        for name in node_order(cluster, gathered)
        if "bash" in gathered[name].tools and not cluster.retires(name)
    ]
    return tuple(sorted(able, key=lambda name: bool(gathered[name].held & vips)))


def _off(asking: Asking, wanted: Sequence[Target], places: Sequence[str]) -> str:
    if asking.source == NOBODY:
        return "--probe-from none"
    if not wanted:
        return "no port of a VIP serves before and after it"
    return "" if places else "no node has bash"


def _local(place: str, probe: Probe, over: threading.Event) -> Iterator[str]:
    yield from local_lines(probe.script, over)
