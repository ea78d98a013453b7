"""A cluster that runs already is taken over: no byte changes, and what comes next costs no request.

Three clusters; all seven with LBCTL_IMPORTS=all, and those of the corpus where LBCTL_CORPUS names it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from lbctl.lab.load_report import LoadReport
from tests.lab.adopt.clusters import CORPUS, FOUND, OWN, SUDO_PASSWORD, Ground
from tests.lab.adopt.conftest import Found
from tests.lab.adopt.site import Adopted
from tests.lab.job.steps import tell

pytestmark = pytest.mark.lab

ADDITIONS = ("stats-socket", "drain", "server-state", "idle-close")
ALL = os.environ.get("LBCTL_IMPORTS") == "all"
# between them: a folder of files, a map, a certificate, sudo's password; every reference; both families
SHOWN = ("conf-d", "unicast", "dual-stack")
TRIED = (*(FOUND if CORPUS else ()), *OWN) if ALL else tuple(one for one in OWN if one.name in SHOWN)


@pytest.fixture(params=TRIED, ids=lambda ground: ground.name, scope="module")
def adopted(request: pytest.FixtureRequest, found: Found) -> Adopted:
    ground: Ground = request.param
    return found(ground)


def applied(adopted: Adopted) -> LoadReport:
    """Apply under load: what clients saw. lbctl's own probe saw no failure, and the next plan is empty."""
    load = adopted.load()
    report = adopted.site.apply().report
    seen = load.stop()
    assert report["code"] == 0 and report["probe"]["failed"] == 0, report
    assert seen.failed == 0 and seen.requests > 1000, seen
    assert adopted.site.plan()["changes"] == []
    assert len(adopted.holders()) == 1
    return seen


def details(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """What changes on each node, line by line."""
    found: dict[str, list[str]] = {}
    for change in plan["changes"]:
        found.setdefault(change["node"], []).extend(change["detail"])
    return found


class TestTakenOver:
    """In this order: each goes on where the one before has ended."""

    def test_the_plan_is_empty_and_nothing_was_touched(self, adopted: Adopted) -> None:
        before = adopted.whole()
        document = adopted.import_("--json").document
        print(adopted.site.file.read_text())  # noqa: T201  # what was made of it, shown when this fails
        print(document)  # noqa: T201
        plan = adopted.plan()
        actions = Counter(change["action"] for change in plan["changes"])
        assert set(actions) == {"record"}
        assert adopted.whole() == before
        assert [one["node"] for one in document["nodes"]] == list(adopted.ground.nodes)
        written = [path for path in adopted.site.root.rglob("*") if path.is_file()]
        for path in written:
            assert SUDO_PASSWORD.encode() not in path.read_bytes()
            if "secrets" in path.parts:
                assert path.stat().st_mode & 0o077 == 0
        size = sum(path.stat().st_size for path in written)
        tell(f"{adopted.ground.name}: {len(written)} files, {size} bytes, plan {dict(actions)}")

    def test_the_first_apply_only_records(self, adopted: Adopted) -> None:
        before = {node: said.split("\n") for node, said in adopted.whole().items()}
        assert adopted.site.apply().report["code"] == 0
        after = {node: said.split("\n") for node, said in adopted.whole().items()}
        for node, lines in after.items():
            assert [line for line in lines if line not in before[node] and "/var/lib/lbctl" not in line] == []
        assert adopted.site.plan()["changes"] == []

    def test_one_server_more_is_one_line_and_costs_nothing(self, adopted: Adopted) -> None:
        adopted.add_a_server()
        plan = details(adopted.plan(code=2))
        assert set(plan) == set(adopted.ground.nodes)
        assert all(len(lines) == 1 and "+ server" in lines[0] for lines in plan.values()), plan
        seen = applied(adopted)
        tell(f"{adopted.ground.name}: one server more, {seen.requests} requests, {seen.failed} failed")

    @pytest.mark.parametrize("number", range(len(ADDITIONS)), ids=ADDITIONS)
    def test_additions_one_by_one(self, adopted: Adopted, number: int) -> None:
        """The nodes have the lines that they had, and those that say that they are lbctl's."""
        name, before = ADDITIONS[number], adopted.unmarked()
        adopted.with_additions(ADDITIONS[: number + 1])
        wanting = adopted.ground.wanting(name)
        plan = details(adopted.plan(code=2 if wanting else 0))
        assert set(plan) == wanting
        if not wanting:
            return
        seen = applied(adopted)
        assert adopted.unmarked() == before
        count = sorted({len(lines) for lines in plan.values()})
        tell(f"{adopted.ground.name}: {name}, {count} lines, {seen.requests} requests, {seen.failed} failed")
