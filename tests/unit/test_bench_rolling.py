"""The bench's changes under load: what is held against a limit, and in what state they begin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import pytest

from bench.bench import Bench
from bench.figures import Figure
from bench.measure import BenchError, Spent
from bench.peers import Peers
from bench.place import Place, misjudged
from bench.rolling import Pairs, Rolled, duration, failed, with_one_down
from lbctl.lab.load_report import Tally

STAT = """# pxname,svname,status
glance-vip,FRONTEND,OPEN
glance-api,c1,{c1}
glance-api,c2,{c2}
glance-api,BACKEND,UP
"""
FIGURE = Figure("apply", "failed requests", 0, "", (0.0,))


def rolled(seconds: float, requests: int, lost: int) -> Rolled:
    report = Tally().report(0.0, seconds, 20)
    return Rolled(Spent(seconds, 1.0, 1), replace(report, requests=requests, failed=lost))


@pytest.fixture
def pairs() -> Pairs:
    return [
        (rolled(10.0, 5000, 0), rolled(30.0, 9000, 15)),
        (rolled(12.0, 6000, 1), rolled(20.0, 8000, 0)),
        (rolled(10.0, 5000, 0), rolled(40.0, 9000, 22)),
    ]


class TestFigures:
    def test_one_failed_request_of_ours_misses_and_the_peers_stand_beside_it(self, pairs: Pairs) -> None:
        figure = failed("apply", pairs)
        assert (figure.values, figure.peer) == ((0.0, 1.0, 0.0), (15.0, 0.0, 22.0))
        assert figure.verdict == "missed"
        assert figure.note == (
            "16000 requests in all; Ansible serial=1: 15 of 9000, 0 of 8000, 22 of 9000 failed"
        )

    def test_however_many_the_peer_lost_it_is_ours_that_count(self, pairs: Pairs) -> None:
        assert failed("apply", [pairs[0], pairs[2]]).verdict == "within"

    def test_the_duration_is_a_ratio_of_each_pair(self, pairs: Pairs) -> None:
        figure = duration(pairs)
        assert figure.values == (10 / 30, 12 / 20, 10 / 40)
        assert (figure.limit, figure.verdict) == (0.5, "within")
        assert figure.note == "medians: 10.00 s, 30.00 s"


@dataclass
class StubLab:
    """A lab that notes which of its controllers are stopped and started."""

    spec: SimpleNamespace
    done: list[str] = field(default_factory=list)

    def controller_stop(self, name: str) -> None:
        self.done.append(f"stop {name}")

    def controller_start(self, name: str) -> None:
        self.done.append(f"start {name}")


class TestOneDown:
    def test_a_controller_is_dead_throughout_and_the_row_says_so(self) -> None:
        lab, bench = self.bench()

        def row(bench: Bench) -> list[Figure]:
            lab.done.append("row")
            return [FIGURE]

        assert [one.what for one in with_one_down(row)(bench)] == ["apply, a controller down"]
        assert lab.done == ["stop c1", "row", "start c1"]

    def test_it_is_back_for_the_next_row_also_when_this_one_cannot_be_measured(self) -> None:
        lab, bench = self.bench()

        def row(bench: Bench) -> list[Figure]:
            raise BenchError("no")

        with pytest.raises(BenchError):
            with_one_down(row)(bench)
        assert lab.done == ["stop c1", "start c1"]

    @staticmethod
    def bench() -> tuple[StubLab, Bench]:
        controllers = [SimpleNamespace(name=name) for name in ("c1", "c2")]
        lab = StubLab(SimpleNamespace(controllers=controllers))
        place = cast(Place, SimpleNamespace(lab=lab))
        return lab, Bench(place, Peers(place), 1, lambda line: None)


class TestMisjudged:
    def test_every_server_is_seen_as_what_its_controller_is(self) -> None:
        assert misjudged(STAT.format(c1="DOWN", c2="UP"), {"c1": False, "c2": True}) == []

    @pytest.mark.parametrize(
        ("c1", "c2", "said"),
        [
            ("UP", "UP", "glance-api/c1 UP"),
            ("UP 1/3", "UP", "glance-api/c1 UP 1/3"),
            ("DOWN", "DOWN 1/2", "glance-api/c2 DOWN 1/2"),
            ("DOWN", "MAINT", "glance-api/c2 MAINT"),
        ],
    )
    def test_one_that_it_has_yet_to_learn_of(self, c1: str, c2: str, said: str) -> None:
        assert misjudged(STAT.format(c1=c1, c2=c2), {"c1": False, "c2": True}) == [said]
