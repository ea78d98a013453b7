"""A controller of the lab: an HTTP server that answers on many ports and says who it is.

    python -m lbctl.lab.controller NAME READY PORT...

READY is a file that is made when every port listens. Standard library alone. Any path is answered with
`NAME PORT`; these behave otherwise:

    /slow?seconds=2                 the answer comes later
    /stream?seconds=5&size=1000000  `size` bytes, spread evenly over that time
    /status/503                     that status

A body that is sent is read to its end and counted in the answer. Connections are kept alive.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CHUNK = 65536
LONGEST = 3600.0  # seconds
LARGEST = 1_000_000_000  # bytes


class Request:
    """A request's line and headers, as far as they matter here."""

    def __init__(self, head: bytes) -> None:
        first, *rest = head.decode("latin-1").split("\r\n")
        self.method, target, self.version = [*first.split(" "), "/", "HTTP/1.0"][:3]
        parts = urlsplit(target)
        self.path = parts.path
        self.query = parse_qs(parts.query)
        fields = (line.partition(":") for line in rest if line)
        self.fields = {name.strip().lower(): value.strip() for name, _, value in fields}

    @property
    def keep(self) -> bool:
        """Whether the connection stays open after the answer."""
        wish = self.fields.get("connection", "").lower()
        return wish != "close" if self.version == "HTTP/1.1" else wish == "keep-alive"

    def number(self, name: str, default: float, most: float) -> float:
        """A number of the query, bounded."""
        try:
            return min(max(float(self.query[name][0]), 0.0), most)
        except (KeyError, ValueError):
            return default


class Controller:
    """Serves connections until they end."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a connection's requests one after the other."""
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, or talks no HTTP
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = Request((await reader.readuntil(b"\r\n\r\n"))[:-4])
        if request.fields.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        received = await _drain_body(reader, request)
        if request.path == "/slow":
            await asyncio.sleep(request.number("seconds", 2.0, LONGEST))
        port = writer.get_extra_info("sockname")[1]
        text = f"{self.name} {port}" + (f" received {received}" if received else "")
        if request.path == "/stream":
            await self._stream(writer, request)
        else:
            self._answer(writer, request, f"{text}\n".encode())
        await writer.drain()
        return request.keep

    def _answer(self, writer: asyncio.StreamWriter, request: Request, body: bytes) -> None:
        status = _status(request.path)
        writer.write(self._head(status, len(body), request) + (b"" if request.method == "HEAD" else body))

    async def _stream(self, writer: asyncio.StreamWriter, request: Request) -> None:
        size = int(request.number("size", 1_000_000, LARGEST))
        seconds = request.number("seconds", 0.0, LONGEST)
        writer.write(self._head(200, size, request))
        # Ten pieces a second, or as many as the size needs.
        count = max(int(seconds * 10), -(-size // CHUNK), 1)
        for number in range(count):
            writer.write(b"x" * (size * (number + 1) // count - size * number // count))
            await writer.drain()
            if seconds:
                await asyncio.sleep(seconds / count)

    def _head(self, status: int, length: int, request: Request) -> bytes:
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Status"
        connection = "keep-alive" if request.keep else "close"
        return (
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n"
            f"X-Controller: {self.name}\r\nConnection: {connection}\r\n\r\n"
        ).encode("latin-1")


def _status(path: str) -> int:
    first, _, last = path.rpartition("/")
    return int(last) if first == "/status" and last.isdigit() and 200 <= int(last) <= 599 else 200


async def _drain_body(reader: asyncio.StreamReader, request: Request) -> int:
    """Read a request's body to its end; its size in bytes."""
    if request.fields.get("transfer-encoding", "").lower() == "chunked":
        return await _drain_chunks(reader)
    length = int(request.fields.get("content-length", "0") or "0")
    left = length
    while left > 0:
        piece = await reader.read(min(left, CHUNK))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
    return length


async def _drain_chunks(reader: asyncio.StreamReader) -> int:
    total = 0
    while True:
        size = int((await reader.readline()).split(b";")[0] or b"0", 16)
        await reader.readexactly(size)
        await reader.readline()
        total += size
        if size == 0:
            return total


async def run(name: str, ready: Path, ports: list[int]) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when a port cannot be had."""
    controller = Controller(name)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ExitStack() as servers:
        for port in ports:
            server = await asyncio.start_server(controller.serve, port=port, backlog=1024, reuse_address=True)
            servers.callback(server.close)
        ready.touch()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), [int(word) for word in sys.argv[3:]]))
