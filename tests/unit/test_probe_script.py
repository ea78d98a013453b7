"""The prober as a node runs it, against servers on this machine: what it says, and that it ends."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import pytest

from lbctl.host.prober import Said, began, prober, said
from lbctl.local.lines import lines
from lbctl.model.outage import Target

ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: %s\r\n\r\n"
Serve = Callable[[socket.socket], None]


def http(status: bytes = b"200 OK", *, keep: int = 10**6) -> Serve:
    """Answers; closes a connection that was to be kept after so many requests, without a word."""

    def serve(connection: socket.socket) -> None:
        for _ in range(keep):
            asked = b""
            while b"\r\n\r\n" not in asked:
                piece = connection.recv(4096)
                if not piece:
                    return
                asked += piece
            stays = b"HTTP/1.1" in asked
            connection.sendall(ANSWER % (status, b"keep-alive" if stays else b"close"))
            if not stays:
                return

    return serve


def silent(connection: socket.socket) -> None:
    time.sleep(6)


def slams(connection: socket.socket) -> None:
    connection.recv(10)


@contextmanager
def port(serve: Serve | None, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """One that is served so; without: one that takes no connection, and refuses none."""
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listener.listen(100 if serve else 0)
        number: int = listener.getsockname()[1]
        full = [socket.socket() for _ in range(0 if serve else 2)]
        for one in full:  # what waits to be accepted fills the queue: a SYN more is dropped
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", number))
        if serve is not None:
            threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield number
        listener.shutdown(socket.SHUT_RDWR)  # whoever waits in accept has it open otherwise
        for one in full:
            one.close()


def _accept(listener: socket.socket, serve: Serve) -> None:
    def one(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection)
            except OSError:
                return

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def asked(targets: Sequence[Target], seconds: float) -> list[Said]:
    over, found = Event(), []
    threading.Timer(seconds, over.set).start()
    first, *rest = lines(prober(targets).script, over)
    assert began(first) is not None
    for line in rest:
        one = said(line)
        assert one is not None, line
        found.append(one)
    return found


def at(number: int, *, plain: bool = True, address: str = "127.0.0.1") -> Target:
    return Target(address, number, plain)


def processes() -> list[str]:
    ran = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in ran.stdout.splitlines() if "/dev/fd/9" in line and "127.0.0.1" in line]


class TestOutcomes:
    @pytest.mark.parametrize(
        ("serve", "outcome"),
        [
            (http(), "ok"),
            (http(b"401 Unauthorized"), "ok"),
            (http(b"500 Error"), "ok"),
            (http(b"503 Service Unavailable"), "status-503"),
            (http(b"502 Bad Gateway"), "status-502"),
            (slams, "reset"),
            (silent, "timeout"),
            (None, "timeout"),
        ],
    )
    def test_of_http(self, serve: Serve | None, outcome: str) -> None:
        with port(serve) as number:
            found = asked([at(number)], 0.6)
        assert found and {one.outcome for one in found} == {outcome}
        assert all(one.began <= one.ended <= one.began + 4.5 for one in found)

    def test_of_a_connection_alone(self) -> None:
        with port(silent) as number:
            found = asked([at(number, plain=False)], 0.6)
        assert {one.outcome for one in found} == {"ok"}

    def test_of_nobody(self) -> None:
        with port(slams) as number:
            pass
        assert {one.outcome for one in asked([at(number)], 0.5)} == {"refused"}

    def test_of_ipv6(self) -> None:
        with port(http(), socket.AF_INET6) as number:
            assert {one.outcome for one in asked([at(number, address="::1")], 0.5)} == {"ok"}

    def test_of_a_kept_connection_that_is_closed_between(self) -> None:
        """Told apart; what is asked on connections of their own fails no more."""
        with port(http(keep=2)) as number:
            found = Counter(one.outcome for one in asked([at(number)], 3))
        assert found["closed"] >= 1 and set(found) == {"ok", "closed"}


class TestPace:
    def test_each_port_several_times_a_second(self) -> None:
        with port(http()) as one, port(http()) as other:
            found = asked([at(one, plain=False), at(other, plain=False)], 2)
        assert 4 <= min(Counter(one.number for one in found).values()) <= 9

    def test_of_many_ports_no_more_than_that(self) -> None:
        with port(http()) as number:
            found = asked([at(number, plain=False)] * 200, 2)
        assert 30 <= len(found) <= 110
        assert [one.number for one in sorted(found, key=lambda one: one.began)][:5] == [0, 1, 2, 3, 4]


class TestEnd:
    def test_it_ends_with_its_input_and_leaves_no_process(self) -> None:
        with port(http()) as number:
            asked([at(number)], 1)
            assert processes() == []

    @pytest.mark.parametrize("killed", [True, False])
    def test_it_ends_with_its_connection(self, killed: bool) -> None:
        """Killed, or both its ends gone: what it began ends by itself."""
        with port(http()) as number:
            child = subprocess.Popen(["sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(prober([at(number)]).script.encode())
            child.stdout.readline()
            time.sleep(0.5)
            assert processes()
            if killed:
                child.kill()
            else:
                child.stdin.close()
            child.stdout.close()
            until = time.monotonic() + 10
            while processes() and time.monotonic() < until:
                time.sleep(0.1)
            assert processes() == []
            child.stdin.close()
            child.wait()


def test_a_noisy_shell_says_nothing() -> None:
    assert (began("Welcome"), said("probe ready 1.00"), said("probe x 1.0 1 ok")) == (None, None, None)
