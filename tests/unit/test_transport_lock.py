"""When a connection counts as lost: what nobody could wait for on real nodes, with a faster clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from lbctl.transport import lock


@dataclass
class Line:
    """The lock's channel and its session. Answers the first beats; greets new connections, or does not."""

    answers: int
    greeting: bool
    late: bool = False
    sent: int = 0
    greeted: int = 0
    eof_received: bool = False
    lost: threading.Event = field(default_factory=threading.Event)

    def send(self, data: bytes) -> int:
        self.sent += 1
        return len(data)

    def recv_ready(self) -> bool:
        return self.sent <= self.answers or (self.late and self.greeted > 0)

    def recv(self, size: int) -> bytes:
        return b"."

    def greets(self) -> bool:
        self.greeted += 1
        return self.greeting

    def lose(self) -> None:
        self.lost.set()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_BEAT_SECONDS", 0.01)
    monkeypatch.setattr(lock, "_DOUBTFUL_SECONDS", 0.05)
    monkeypatch.setattr(lock, "_LOST_SECONDS", 0.5)


def beaten(line: Line, seconds: float) -> bool:
    """Did the connection count as lost within `seconds`?"""
    over = threading.Event()
    thread = threading.Thread(target=lock._beat, args=(line, line, over))
    thread.start()
    lost = line.lost.wait(seconds)
    over.set()
    thread.join(5)
    assert not thread.is_alive()
    return lost


def test_one_that_answers_is_kept() -> None:
    line = Line(answers=10**6, greeting=True)
    assert not beaten(line, 0.7) and not line.greeted


def test_one_that_falls_silent_beside_a_new_one_that_is_greeted_is_lost_at_once() -> None:
    line = Line(answers=3, greeting=True)
    assert beaten(line, 5) and line.greeted == 1


def test_one_that_answers_as_late_as_the_new_one_is_kept() -> None:
    """A node that was frozen answers both."""
    line = Line(answers=3, greeting=True, late=True)
    assert not beaten(line, 0.7) and line.greeted


def test_while_nobody_is_greeted_it_is_waited_for_and_not_for_ever() -> None:
    line = Line(answers=3, greeting=False)
    assert beaten(line, 5) and line.greeted > 2
