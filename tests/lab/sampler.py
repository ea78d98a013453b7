"""Who holds each VIP while something happens, to the millisecond: every node's own kernel says so.

    with sampled(lab) as sampler:
        …
    timeline = sampler.timeline(VIP)
    assert timeline.longest(2) < 0.05 and timeline.longest(0) < 0.05

One `ip -ts monitor address` a node listens to its kernel: exact, with nothing to pay for while nothing
happens. It lives in the node's network and in none of its control groups, so it goes on when the node is
frozen, and follows it into the new network of its next boot. The times are those at which `ip` read the
news: of what two nodes did within a millisecond or two, either may come first.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lbctl.lab import Lab
from lbctl.local.netns import NETNS, inside
from lbctl.local.process import run
from lbctl.model.ip import canonical

_POLL = 0.02  # seconds between two looks whether the node has a new network
_LISTENS = 5.0  # seconds for a monitor to begin

# `[2026-01-31T12:00:00.123456] Deleted 2: eth0    inet 10.15.85.31/32 scope global eth0`
_LINE = re.compile(
    r"(?:\[(?P<time>[^]]+)\] ?)?(?P<gone>Deleted )?\d+: (?P<dev>\S+)\s+inet6? (?P<address>[^/\s]+)"
)


@dataclass(frozen=True)
class Seen:
    """An address that came to a node's interface, or went (`there`). `at` in seconds since the epoch."""

    at: float
    node: str
    dev: str
    address: str
    there: bool


@dataclass(frozen=True)
class Span:
    """For so many seconds these nodes, and no other, held the VIP."""

    at: float
    seconds: float
    holders: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.seconds:8.3f} s  {', '.join(self.holders) or 'no holder'}"


@dataclass(frozen=True)
class Timeline:
    """One VIP, from the sampler's first look to its last."""

    vip: str
    spans: tuple[Span, ...]

    @property
    def holders(self) -> list[tuple[str, ...]]:
        """The holders in their order, without how long."""
        return [span.holders for span in self.spans]

    def longest(self, number: int) -> float:
        """The longest time in seconds for which that many nodes held it at once; 0 = none; 0.0 = never."""
        return max((span.seconds for span in self.spans if len(span.holders) == number), default=0.0)

    def lines(self) -> list[str]:
        """For people: each span with its seconds."""
        return [f"VIP {self.vip}", *(f"  {span}" for span in self.spans)]


def read(node: str, text: str, at: float) -> Iterator[Seen]:
    """What `ip -o address` (everything at the time `at`) or `ip -o -ts monitor address` says; without lo."""
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and found["dev"] != "lo":
            when = _epoch(found["time"]) if found["time"] else at
            yield Seen(when, node, found["dev"], canonical(found["address"]), not found["gone"])


def timeline(vip: str, seen: Sequence[Seen], start: float, end: float) -> Timeline:
    """The spans between `start` and `end`; what was seen before `start` is how it began."""
    there: dict[tuple[str, str], bool] = {}
    spans: list[Span] = []
    since, now = start, frozenset[str]()
    for one in sorted(seen, key=lambda one: one.at):
        if one.address != canonical(vip) or one.at > end:
            continue
        there[one.node, one.dev] = one.there
        holders = frozenset(node for (node, _), on in there.items() if on)
        if holders != now and one.at > since:
            spans.append(Span(since, one.at - since, tuple(sorted(now))))
            since = one.at
        now = holders
    return Timeline(vip, (*spans, Span(since, end - since, tuple(sorted(now)))))


@dataclass
class Sampler:
    """Listens to all nodes of a lab from `start` until it is stopped."""

    lab: Lab
    start: float = 0.0
    end: float = 0.0
    _seen: list[Seen] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Returns when every node that is on is listened to."""
        names = [node.name for node in self.lab.spec.nodes]
        ready = [threading.Event() for _ in names]
        for name, event in zip(names, ready, strict=True):
            self._threads.append(threading.Thread(target=self._follow, args=(name, event)))
            self._threads[-1].start()
        for event in ready:
            event.wait(_LISTENS)
        self.start = time.time()

    def stop(self) -> None:
        """Harmless when it is stopped."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self.end = self.end or time.time()

    def timeline(self, vip: str) -> Timeline:
        """Of one VIP, until now or until it was stopped."""
        return timeline(vip, list(self._seen), self.start, self.end or time.time())

    def _follow(self, node: str, ready: threading.Event) -> None:
        """Through every network that the node has, one a boot."""
        place = NETNS / self.lab.namespace(node)
        while not self._ending.is_set():
            boot = _identity(place)
            if boot:
                self._listen(node, place, boot, ready)
            ready.set()
            self._ending.wait(_POLL)

    def _listen(self, node: str, place: Path, boot: int, ready: threading.Event) -> None:
        words = inside(place.name, ["ip", "-o", "-ts", "monitor", "address"])
        with subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TZ": "UTC"},
        ) as monitor:
            reader = threading.Thread(target=self._read, args=(node, monitor))
            reader.start()
            try:
                if _subscribed(monitor.pid):
                    self._look(node, place)
                ready.set()
                while not self._ending.is_set() and _identity(place) == boot and monitor.poll() is None:
                    self._ending.wait(_POLL)
            finally:
                monitor.terminate()
                reader.join()
        # what the node held went with its network
        held = {(one.dev, one.address) for one in self._seen if one.node == node}
        if not self._ending.is_set():
            self._seen += [Seen(time.time(), node, dev, address, False) for dev, address in held]

    def _look(self, node: str, place: Path) -> None:
        """What is there already; whatever came since the monitor listens is seen by both."""
        said = run(inside(place.name, ["ip", "-o", "address"]), check=False).text
        self._seen += read(node, said, time.time())

    def _read(self, node: str, monitor: subprocess.Popen[str]) -> None:
        assert monitor.stdout is not None
        for line in monitor.stdout:
            self._seen += read(node, line, time.time())


@contextmanager
def sampled(lab: Lab) -> Iterator[Sampler]:
    """Listen to every node while the body runs."""
    sampler = Sampler(lab)
    try:
        sampler.begin()
        yield sampler
    finally:
        sampler.stop()


def _identity(place: Path) -> int:
    """The network namespace under a name, 0 = none."""
    try:
        return place.stat().st_ino
    except OSError:
        return 0


def _subscribed(pid: int) -> bool:
    """Does this process hear its kernel's news? In /proc/net/netlink a socket's groups are not 0 then."""
    until = time.monotonic() + _LISTENS
    while time.monotonic() < until:
        try:
            rows = [line.split() for line in Path(f"/proc/{pid}/net/netlink").read_text().splitlines()[1:]]
        except OSError:
            return False
        if any(row[2] == str(pid) and int(row[3], 16) for row in rows):
            return True
        time.sleep(0.005)
    return False


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
