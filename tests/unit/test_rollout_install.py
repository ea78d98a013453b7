"""What stands on a node after its packages were installed is what an undo shall bring back, whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from lbctl.model.cluster import Package
from lbctl.model.command import Answer, Answers, Probe
from lbctl.rollout.walk import Walked
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_rollout_walk import Scene

Look = Callable[[Answer], Answer]


@dataclass
class Rebooting(FakeTransport):
    """lb2 goes down while its packages are installed: `look` makes that of its answers to `probe`."""

    probe: str = "units"
    look: Look = lambda answer: answer

    def ask(self, node: str, probes: Sequence[Probe], *, timeout: float = 30) -> Answers:
        answers = super().ask(node, probes, timeout=timeout)
        if node == "lb2" and ("lb2", "apt_install") in self.calls and self.probe in answers:
            return {**answers, self.probe: self.look(answers[self.probe])}
        return answers


def stopped(answer: Answer) -> Answer:
    return Answer(0, answer.output.replace(b"ActiveState=active", b"ActiveState=inactive"))


def silent(answer: Answer) -> Answer:
    return Answer(2, b"")


def walked(probe: str, look: Look) -> tuple[Scene, Walked]:
    scene = Scene()
    scene.transport = Rebooting(scene.transport.nodes, probe=probe, look=look)
    nodes = (replace(node, packages=(Package("socat"),)) for node in scene.wanted.nodes)
    scene.wanted = replace(scene.wanted, nodes=tuple(nodes))
    return scene, scene.walk()


def test_a_node_that_goes_on_serving() -> None:
    scene, done = walked("units", lambda answer: answer)
    assert done == Walked(touched=True)
    assert all(node.state.packages == {"socat"} for node in scene.transport.nodes.values())


@pytest.mark.parametrize(
    ("probe", "look", "said"),
    [
        ("units", stopped, "haproxy, keepalived stopped meanwhile"),
        ("units", silent, "haproxy, keepalived stopped meanwhile"),
        ("package", silent, "lb2/package/socat: dpkg-query did not answer: only apt is known"),
    ],
)
def test_one_that_goes_down_stops_the_apply_before_any_node_is_armed(
    probe: str, look: Look, said: str
) -> None:
    scene, done = walked(probe, look)
    assert done.error is not None
    assert done.error.summary == f"lb2: {said}"
    assert ("lb3", "arm") not in scene.transport.calls
