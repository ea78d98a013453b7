"""Many nodes spoken to at a time."""

from __future__ import annotations

from threading import Event

import pytest

from lbctl.transport.at_once import at_once


def test_in_their_order() -> None:
    assert at_once(str.upper, ["a", "b"]) == ["A", "B"]


def test_nobody_waits_for_a_node_that_does_not_answer() -> None:
    answers, answered = Event(), list[str]()

    def ask(node: str) -> None:
        if node == "stopped":
            raise KeyboardInterrupt
        answers.wait(20)
        answered.append(node)

    with pytest.raises(KeyboardInterrupt):
        at_once(ask, ["stopped", "deaf"])
    assert answered == []
    answers.set()
