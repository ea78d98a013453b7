"""Load on a cluster, as its clients make it: many clients, each with one request at a time.

    python -m lbctl.lab.load --target ADDRESS:PORT … [--kind new …] [--clients N] [--seconds S] [--json]

Runs until its time is over, its number of requests is reached, or SIGINT or SIGTERM. Then no client begins
another request; what is under way ends, for one that hangs by then has failed like any other. A second signal
ends that too. It prints its report at last.
Standard library alone: it runs in a namespace that has nothing but the lab's network.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lbctl.lab.load_report import LoadReport, Tally

TIMEOUT = 10.0  # seconds of silence after which a request has failed
BREATH = 0.01  # seconds after a failure, so that a closed port is not asked ten thousand times a second
MOST_CLIENTS = 1000
MOST_SECONDS = 3600.0
MOST_REQUESTS = 10_000_000
UPLOAD = b"u" * 1_000_000
Address = tuple[str, int]


@dataclass(frozen=True)
class Kind:
    """A way to use the service. `pause` in seconds stands between an answer and the next request."""

    name: str
    path: str = "/"
    keep: bool = False
    pause: float = 0.0
    body: bytes = b""

    def request(self, target: str) -> bytes:
        method = "POST" if self.body else "GET"
        lines = [f"{method} {self.path} HTTP/1.1", f"Host: {target}"]
        lines += [] if self.keep else ["Connection: close"]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


KINDS = {
    kind.name: kind
    for kind in (
        Kind("new"),
        Kind("keep-alive", keep=True),
        Kind("slow", path="/slow?seconds=2"),
        Kind("idle", keep=True, pause=1.0),
        Kind("upload", path="/upload", body=UPLOAD),
        Kind("download", path="/stream?seconds=5&size=5000000"),
    )
}
USUAL = ("new", "keep-alive", "slow")


@dataclass(frozen=True)
class Plan:
    """What to do. `targets` are `address:port`, taken in turn by every client."""

    targets: tuple[str, ...]
    kinds: tuple[str, ...] = USUAL
    clients: int = 20
    seconds: float = 10.0
    requests: int = MOST_REQUESTS
    pause: float = 0.0


class ClosedBetweenError(Exception):
    """The server closed a kept-alive connection before the first byte of the next answer."""


class CutShortError(Exception):
    """The connection ended within an answer, or before one on a new connection."""


@dataclass
class Connection:
    """A client's connection: kept over requests where the kind does so."""

    sock: socket.socket | None = None
    used: bool = False
    buffer: bytearray = field(default_factory=bytearray)

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
        self.sock, self.used = None, False
        self.buffer.clear()

    async def open(self, address: Address) -> socket.socket:
        """The connection's socket, made now unless it is there and the server has not closed it."""
        if self.sock is None:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.sock = socket.socket(family, socket.SOCK_STREAM)
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(TIMEOUT):
                await asyncio.get_running_loop().sock_connect(self.sock, address)
        elif _server_closed(self.sock):
            raise ClosedBetweenError
        return self.sock

    async def more(self) -> bool:
        """Read what comes; False at the end."""
        assert self.sock is not None
        async with asyncio.timeout(TIMEOUT):
            piece = await asyncio.get_running_loop().sock_recv(self.sock, 262144)
        self.buffer += piece
        return bool(piece)


class Run:
    """A run in progress."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tally = Tally()
        self.began = time.time()
        self._zero = time.monotonic()
        self._started = itertools.count(1)
        self._over = asyncio.Event()
        self._end = float("inf")

    @property
    def now(self) -> float:
        """Seconds since it began. It stands still once the run is over: silence afterwards is no gap."""
        return min(time.monotonic() - self._zero, self._end)

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def end(self) -> None:
        """No request begins from now on."""
        self._end = self.now
        self._over.set()

    async def client(self, number: int) -> None:
        """One client: requests one after the other until it is cancelled or the number is reached."""
        kind = KINDS[self.plan.kinds[number % len(self.plan.kinds)]]
        first = number % len(self.plan.targets)
        targets = self.plan.targets[first:] + self.plan.targets[:first]
        if kind.keep:  # a kept connection leads to one target
            targets = targets[:1]
        connection = Connection()
        try:
            for target in itertools.cycle(targets):
                if self.over or next(self._started) > self.plan.requests:
                    return
                await self._request(kind, target, connection)
                pause = kind.pause or self.plan.pause
                # an answer may be there before it is waited for: the other clients shall have their turn then
                await (self._pause(pause) if pause else asyncio.sleep(0))
        finally:
            connection.close()

    async def _request(self, kind: Kind, target: str, connection: Connection) -> None:
        began = time.monotonic()
        what = await self._attempt(kind, target, connection)
        if what == "closed":
            self.tally.closed_between += 1
            what = await self._attempt(kind, target, connection)
        if what == "200":
            self.tally.success(kind.name, self.now, time.monotonic() - began)
            return
        self.tally.failure(kind.name, target, self.now, what)
        await self._pause(BREATH)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    async def _attempt(self, kind: Kind, target: str, connection: Connection) -> str:
        """One request on the wire: "200", "closed" (send it again), or what the failure is called."""
        what = await _outcome(kind, target, connection)
        if what != "200" or not kind.keep:
            connection.close()
        return what


async def _outcome(kind: Kind, target: str, connection: Connection) -> str:
    try:
        status, keep = await _exchange(kind, target, connection)
    except ClosedBetweenError:
        return "closed"
    except CutShortError:
        return "cut"
    except (ValueError, IndexError):
        return "garbled"
    except TimeoutError:
        return "timeout"
    except ConnectionRefusedError:
        return "refused"
    except (ConnectionResetError, BrokenPipeError):
        return "reset"
    except OSError:
        return "unreachable"
    if not keep:
        connection.close()
    return "200" if status == 200 else f"status-{status}"


async def _exchange(kind: Kind, target: str, connection: Connection) -> tuple[int, bool]:
    """Send a request and read its answer: the status, and whether the connection may be used again."""
    sock = await connection.open(split(target))
    reused, connection.used = connection.used, True
    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.get_running_loop().sock_sendall(sock, kind.request(target))
        first = await connection.more()
    except BrokenPipeError as error:
        # EPIPE and not ECONNRESET: the server's FIN was there before our request reached it.
        if reused and not connection.buffer:
            raise ClosedBetweenError from error
        raise
    if not first:
        raise ClosedBetweenError if reused else CutShortError
    return await _answer(connection)


async def _answer(connection: Connection) -> tuple[int, bool]:
    while (end := connection.buffer.find(b"\r\n\r\n")) < 0:
        if not await connection.more():
            raise CutShortError
    head = bytes(connection.buffer[:end]).decode("latin-1").split("\r\n")
    del connection.buffer[: end + 4]
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    version, status = head[0].split(" ")[:2]
    whole = await _body(connection, fields)
    keep = whole and version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return int(status), keep


async def _body(connection: Connection, fields: dict[str, str]) -> bool:
    """Read a body to its end. False when that was the connection's end."""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        while not connection.buffer.endswith(b"0\r\n\r\n"):
            if not await connection.more():
                raise CutShortError
        connection.buffer.clear()
        return True
    if "content-length" not in fields:
        while await connection.more():
            connection.buffer.clear()
        return False
    left = int(fields["content-length"])
    while len(connection.buffer) < left:
        left -= len(connection.buffer)
        connection.buffer.clear()
        if not await connection.more():
            raise CutShortError
    del connection.buffer[:left]
    return True


def _server_closed(sock: socket.socket) -> bool:
    """Whether an idle connection has its end waiting to be read. Raises ConnectionResetError."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def split(target: str) -> Address:
    """The address and port of `10.0.0.1:80` or `[fd00::1]:80`. Raises ValueError for anything else."""
    address, colon, port = target.rpartition(":")
    if not colon or not address:
        raise ValueError(f"{target!r} is not ADDRESS:PORT")
    return address.strip("[]"), int(port)


async def run(plan: Plan, started: Path | None = None) -> LoadReport:
    """Do a plan until its end, or SIGINT or SIGTERM. The file `started` is made once both are heeded."""
    work = Run(plan)
    clients = [asyncio.create_task(work.client(number)) for number in range(plan.clients)]
    everyone = asyncio.gather(*clients)

    def stop() -> None:
        if work.over:
            everyone.cancel()
        work.end()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    loop.call_later(plan.seconds, work.end)
    if started:
        started.touch()
    with suppress(asyncio.CancelledError):
        await everyone
    return work.tally.report(work.began, work.now, plan.clients)


@dataclass(frozen=True)
class Order:
    """A command line: the plan, whether the report shall be JSON, and the file that tells of the start."""

    plan: Plan
    json: bool = False
    started: Path | None = None


def parse(words: Sequence[str]) -> Order:
    """What a command line asks for, within the bounds. Raises ValueError for a target that is none."""
    parser = argparse.ArgumentParser(prog="lbctl lab load", description="Load from the lab's client.")
    parser.add_argument("--target", action="append", required=True, help="ADDRESS:PORT, repeatable")
    parser.add_argument(
        "--kind", action="append", choices=sorted(KINDS), help="repeatable; shared out in turn"
    )
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--requests", type=int, default=MOST_REQUESTS)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds between an answer and the next request"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--started", type=Path, help="a file to make once it has begun")
    given = parser.parse_args(words)
    plan = Plan(
        targets=tuple(given.target),
        kinds=tuple(given.kind or USUAL),
        clients=min(max(given.clients, 1), MOST_CLIENTS),
        seconds=min(max(given.seconds, 0.1), MOST_SECONDS),
        requests=min(max(given.requests, 1), MOST_REQUESTS),
        pause=min(max(given.pause, 0.0), MOST_SECONDS),
    )
    for target in plan.targets:
        split(target)
    return Order(plan, given.json, given.started)


def words_of(plan: Plan) -> Iterator[str]:
    """The command line that `parse` reads back as this plan."""
    for target in plan.targets:
        yield from ("--target", target)
    for kind in plan.kinds:
        yield from ("--kind", kind)
    yield from ("--clients", str(plan.clients), "--seconds", str(plan.seconds))
    yield from ("--requests", str(plan.requests), "--pause", str(plan.pause))


def main(words: Sequence[str]) -> int:
    """Run and print; 0 when nothing failed, 1 otherwise."""
    order = parse(words)
    report = asyncio.run(run(order.plan, order.started))
    sys.stdout.write((report.to_json() if order.json else "\n".join(report.lines())) + "\n")
    return 0 if report.failed == 0 and report.requests else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
