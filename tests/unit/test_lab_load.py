"""What the load counts as what, against servers that misbehave on purpose; and the controllers' answers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lbctl.lab import load
from lbctl.lab.controller import Controller
from lbctl.lab.load import Plan
from lbctl.lab.load_report import LoadReport, Tally, percentiles

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def loaded(handler: Handler, kind: str, requests: int = 4) -> LoadReport:
    """What one client of a kind sees of a server."""

    async def main() -> LoadReport:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            return await load.run(Plan((target,), (kind,), clients=1, seconds=5, requests=requests))

    return asyncio.run(main())


def answering(answer: bytes, times: int = 1) -> Handler:
    """A server that gives an answer so many times on a connection, then closes it."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(times):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    return handler


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def answering_then_resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await resetting(reader, writer)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def test_good_answers() -> None:
    report = loaded(answering(ANSWER, times=99), "keep-alive")
    assert (report.requests, report.failed, report.closed_between) == (4, 0, 0)


def test_a_close_between_requests_is_counted_apart_and_sent_again() -> None:
    report = loaded(answering(ANSWER), "keep-alive")
    assert (report.requests, report.failed, report.closed_between) == (4, 0, 3)


def test_an_announced_close_is_nothing_at_all() -> None:
    closing = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    report = loaded(answering(closing), "keep-alive")
    assert (report.requests, report.failed, report.closed_between) == (4, 0, 0)


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (resetting, "reset"),
        (answering(b""), "cut"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), "cut"),
        (answering(b"HTTP/1.1 200 O"), "cut"),
        (answering(b"nonsense\r\n\r\n"), "garbled"),
        (answering(ANSWER.replace(b"200 OK", b"503 No")), "status-503"),
        (answering(ANSWER.replace(b"200 OK", b"404 No")), "status-404"),
        (silent, "timeout"),
    ],
)
def test_failures_by_what_they_are(handler: Handler, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "TIMEOUT", 0.2)
    report = loaded(handler, "new", requests=2)
    assert report.errors == {told: 2}
    assert [failure.what for failure in report.failures] == [told, told]


def test_a_reset_of_a_kept_connection_has_failed() -> None:
    report = loaded(answering_then_resetting, "keep-alive")
    assert report.errors == {"reset": 2}
    assert report.closed_between == 0


def test_a_refused_connection() -> None:
    with socket.socket() as sock:  # bound and not listening
        sock.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{sock.getsockname()[1]}"
        report = asyncio.run(load.run(Plan((target,), ("new",), clients=1, seconds=5, requests=2)))
    assert report.errors == {"refused": 2}


def test_chunked_and_endless_bodies() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert loaded(answering(chunked, times=99), "keep-alive").failed == 0
    assert loaded(answering(b"HTTP/1.0 200 OK\r\n\r\nok"), "keep-alive").closed_between == 0


def test_its_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> LoadReport:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            return await load.run(Plan((target,), ("new",), clients=3, seconds=0.3))

    monkeypatch.setattr(load, "TIMEOUT", 0.5)
    report = asyncio.run(main())
    assert 0.3 <= report.seconds < 0.5
    assert 0.3 <= report.longest_gap < 0.5


def test_what_hangs_when_it_is_told_to_stop_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's request that was lost in the last seconds is a lost one."""

    async def main() -> LoadReport:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
        async with server:
            return await load.run(Plan((target,), ("new",), clients=3, seconds=60))

    monkeypatch.setattr(load, "TIMEOUT", 0.5)
    report = asyncio.run(main())
    assert (report.requests, report.errors) == (3, {"timeout": 3})
    assert report.seconds < 0.4


def test_told_twice_it_waits_for_nothing() -> None:
    async def main() -> LoadReport:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for seconds in (0.1, 0.2):
            asyncio.get_running_loop().call_later(seconds, os.kill, os.getpid(), signal.SIGTERM)
        async with server:
            return await load.run(Plan((target,), ("new",), clients=3, seconds=60))

    assert asyncio.run(main()).requests == 0


def test_what_ends_after_the_stop_counts_and_its_silence_is_no_gap() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.write(ANSWER)
        writer.close()

    async def main() -> LoadReport:
        server = await asyncio.start_server(late, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            return await load.run(Plan((target,), ("new",), clients=2, seconds=0.2, pause=9))

    report = asyncio.run(main())
    assert (report.requests, report.failed) == (2, 0)
    assert report.kinds["new"].p50 >= 400
    assert report.longest_gap < 0.4


def test_a_command_line_is_read_back_and_bounded() -> None:
    plan = Plan(("10.0.0.1:80", "[fd00::1]:80"), ("new", "slow"), 7, 3.5, pause=0.1)
    assert load.parse([*load.words_of(plan)]).plan == plan
    wild = load.parse(["--target", "a:1", "--clients", "99999", "--seconds", "1e9"]).plan
    assert (wild.clients, wild.seconds) == (load.MOST_CLIENTS, load.MOST_SECONDS)
    assert load.split("[fd00::1]:80") == ("fd00::1", 80)
    with pytest.raises(ValueError):
        load.split("10.0.0.1")


def test_the_gap_counts_from_the_start_to_the_end() -> None:
    tally = Tally()
    tally.success("new", 1.0, 0.001)
    tally.success("new", 1.5, 0.001)
    assert tally.report(0.0, 1.6, 1).longest_gap == 1.0
    report = tally.report(0.0, 9.0, 1)
    assert (report.longest_gap, report.longest_gap_at) == (7.5, 1.5)


def test_a_report_survives_json_and_is_readable() -> None:
    tally = Tally()
    tally.success("new", 0.1, 0.002)
    tally.failure("slow", "10.0.0.1:80", 0.2, "reset")
    report = tally.report(1.0, 2.0, 5)
    assert LoadReport.from_json(report.to_json()) == report
    text = "\n".join(report.lines())
    assert "failed: 1 (1 reset)" in text and "10.0.0.1:80: reset" in text
    assert report.succeeded == 1


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles([]) == (0.0, 0.0, 0.0)
    assert percentiles([float(number) for number in range(100)]) == (50.0, 90.0, 99.0)
    assert percentiles([1.0]) == (1.0, 1.0, 1.0)


def talk(request: bytes) -> bytes:
    """What a controller says to some bytes and a closed sending side."""

    async def main() -> bytes:
        server = await asyncio.start_server(Controller("c1").serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET /status/503 HTTP/1.1\r\n\r\n", b"503 Service Unavailable"),
        (b"GET /status/999 HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET /slow?seconds=0.01 HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET /stream?size=5 HTTP/1.1\r\n\r\n", b"\r\n\r\nxxxxx"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"received 3"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"received 3"),
        (b"OPTIONS / HTTP/1.0\r\n\r\n", b"Connection: close"),
    ],
)
def test_a_controller_answers(request_: bytes, told: bytes) -> None:
    answer = talk(request_)
    assert answer.startswith(b"HTTP/1.1 ")
    assert told in answer
    assert b"X-Controller: c1" in answer


def test_a_controller_says_nothing_to_what_is_no_request() -> None:
    assert talk(b"nonsense") == b""
    assert talk(b"HEAD / HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")
    assert talk(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n").count(b"200 OK") == 2


def test_a_controller_tells_when_it_is_ready(tmp_path: Path) -> None:
    from lbctl.lab.controller import run

    async def main() -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        serving = asyncio.create_task(run("c1", tmp_path / "ready", [port]))
        while not (tmp_path / "ready").exists():
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert f"c1 {port}\n".encode() in await reader.read()
        writer.close()
        serving.cancel()

    asyncio.run(asyncio.wait_for(main(), 10))
