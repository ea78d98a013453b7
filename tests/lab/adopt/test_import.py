"""A cluster that runs already is taken over: no byte changes, and what comes next costs no request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.adopt.clusters import CORPUS, FOUND, OWN, Ground
from tests.lab.adopt.conftest import Found
from tests.lab.adopt.site import Adopted

pytestmark = pytest.mark.lab

ADDITIONS = ["stats-socket", "drain", "server-state", "idle-close"]


@pytest.fixture(params=(*FOUND, *OWN), ids=lambda ground: ground.name, scope="module")
def adopted(request: pytest.FixtureRequest, found: Found) -> Adopted:
    ground: Ground = request.param
    if ground in FOUND and not CORPUS:
        pytest.skip("LBCTL_CORPUS names no corpus")
    return found(ground)


def failed(report: Mapping[str, Any]) -> int:
    """What lbctl's own probe saw. An IPv4 VIP that is bound by :: alone it does not ask."""
    return int(report["probe"]["failed"])


class TestTakenOver:
    """In this order: each goes on where the one before has ended."""

    def test_the_plan_is_empty_and_nothing_was_touched(self, adopted: Adopted) -> None:
        before = adopted.whole()
        document = adopted.import_("--json").document
        print(adopted.site.file.read_text())  # noqa: T201  # what was made of it, shown when this fails
        print(document)  # noqa: T201
        plan = adopted.plan()
        assert {change["action"] for change in plan["changes"]} == {"record"}
        assert adopted.whole() == before
        assert [one["node"] for one in document["nodes"]] == list(adopted.ground.nodes)
        for path in adopted.site.root.rglob("*"):
            if path.is_file() and "secrets" in path.parts:
                assert path.stat().st_mode & 0o077 == 0

    def test_the_first_apply_only_records(self, adopted: Adopted) -> None:
        before = {node: said.split("\n") for node, said in adopted.whole().items()}
        assert adopted.site.apply().report["code"] == 0
        after = {node: said.split("\n") for node, said in adopted.whole().items()}
        for node, lines in after.items():
            assert [line for line in lines if line not in before[node] and "/var/lib/lbctl" not in line] == []
        assert adopted.site.plan()["changes"] == []

    def test_one_server_more_is_one_line_and_costs_nothing(self, adopted: Adopted) -> None:
        adopted.add_a_server()
        plan = adopted.plan(code=2)
        assert [len(change["detail"]) for change in plan["changes"]] == [1] * len(adopted.ground.nodes)
        assert all("+ server" in change["detail"][0] for change in plan["changes"]), plan["changes"]
        load = adopted.lab.load(targets=adopted.ground.load, clients=10, pause=0.005)
        done = adopted.site.apply()
        seen = load.stop()
        assert done.report["code"] == 0 and failed(done.report) == 0
        assert seen.failed == 0 and seen.requests > 1000, seen
        print(adopted.ground.name, seen.requests, seen.failed)  # noqa: T201
        assert adopted.site.plan()["changes"] == []

    @pytest.mark.parametrize("number", range(1, len(ADDITIONS) + 1))
    def test_additions_one_by_one(self, adopted: Adopted, number: int) -> None:
        adopted.with_additions(ADDITIONS[:number])
        load = adopted.lab.load(targets=adopted.ground.load, clients=10, pause=0.005)
        done = adopted.site.apply()
        seen = load.stop()
        assert done.report["code"] == 0 and failed(done.report) == 0
        assert seen.failed == 0, seen
        assert adopted.site.plan()["changes"] == []
        assert len(adopted.holders()) == 1
