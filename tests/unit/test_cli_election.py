"""election, as a user types it; and what a plan says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.__main__ import run
from lbctl.model.plan import Plan
from lbctl.planning.elections.change import change, differences
from lbctl.planning.elections.table import table
from lbctl.store.codec import decode, encode
from lbctl.views.human_election import change_lines, election_lines
from tests.unit.test_elections import OTHER, VIP, conf, instance, parties
from tests.unit.test_planning import changed_vrrp, plan
from tests.unit.test_rollout_walk import PROXY, cluster

ROOT = Path(__file__).parents[2]
GUIDE = str(ROOT / "cluster.yaml")
SECRETS = str(ROOT / "tests" / "cases" / "cluster" / "good" / "secrets" / "cluster.yaml")
Output = pytest.CaptureFixture[str]
CHECKED = "track_script {\n  check\n }"


def test_of_the_cluster_file(capsys: Output) -> None:
    assert run(["election", "-f", GUIDE]) == 0
    said = capsys.readouterr().out
    assert "10.15.85.31 (openstack-vip, advert_int 1 s)\n" in said
    assert "  no haproxy  alive       any         lb2     7.6 s\n" in said
    assert said.endswith("27 combinations, 1 virtual router.\n")


def test_as_json(capsys: Output) -> None:
    assert run(["election", "-f", GUIDE, "--json", "--exclude", "lb3"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert (form["document"], form["nodes"]) == ("election", ["lb1", "lb2"])
    rows = {tuple(row["states"].values()): row for row in form["routers"][0]["rows"]}
    assert len(rows) == 9
    assert rows["node dead", "alive"]["ends"] == [["lb2"]]


def test_it_resolves_no_secret(capsys: Output) -> None:
    assert run(["election", "-f", SECRETS]) == 0
    assert "Election of cluster" in capsys.readouterr().out


def test_an_unknown_node(capsys: Output) -> None:
    assert run(["election", "-f", GUIDE, "--exclude", "lb9"]) == 1
    assert "there is no node lb9" in capsys.readouterr().err


def test_a_plan_that_changes_nothing_of_it_says_nothing() -> None:
    assert plan(cluster(PROXY), cluster(PROXY)).election is None
    other = PROXY + "  server b 10.0.0.22:80\n"
    assert plan(cluster(PROXY), cluster(other)).election is None


def test_a_plan_says_what_it_changes() -> None:
    old = cluster(PROXY)
    made = plan(old, changed_vrrp(old, b"  advert_int 1\n", b"  advert_int 2\n"))
    assert made.election is not None
    (found,) = differences(made.election)
    assert {after.seconds - before.seconds for _, before, after in found.rows if before and after} == {3.0}


def test_a_remark_of_before_stands_beside_what_it_is_said_of() -> None:
    """The node that keeps the VIP without its HAProxy does so for another reason."""
    texts = [conf(102, weight=1), conf(101, weight=1)]
    moved = change(parties(*texts), parties(*(conf(one, check="true", weight=1) for one in (102, 101))))
    assert moved is not None
    said = "".join(f"{line.head.plain}{line.body.plain}\n" for line in change_lines(moved))
    assert "lb1 [1] → lb1 [2]" in said
    assert "[1] lb1 without HAProxy still: equal priority" in said
    assert "[2] lb1 without HAProxy still: no check that counts" in said
    assert "\nlb1, lb2: no check that counts sees a dead HAProxy\n" in said


def test_a_node_that_goes_leaves_the_vip_to_those_that_stay() -> None:
    three = parties(conf(102), conf(101), conf(100))
    moved = change(three, three[:2])
    assert moved is not None
    rows = [line.head.plain.split() + line.body.plain.split() for line in change_lines(moved)]
    assert ["dead", "dead", "not", "dead", "lb3", "→", "nobody", "3.6", "s", "→", "–"] in rows
    assert not any(
        "at most" in line.body.plain for line in change_lines(moved) if "Election" in line.body.plain
    )


def said_of(*texts: str, name: str = "lb") -> str:
    made = [replace(one, node=one.node.replace("lb", name)) for one in parties(*texts)]
    lines = election_lines("c", table(made))
    return "".join(f"{line.head.plain}{line.body.plain}\n" for line in lines)


def test_long_names_make_no_table_of_many_columns() -> None:
    texts = [conf(one) for one in (102, 101, 100, 99)]
    assert "  lb1         lb2       lb3       lb4       holder" in said_of(*texts)
    long = said_of(*texts, name="openstack-loadbalancer-")
    assert "openstack-loadbalancer-1 dead, openstack-loadbalancer-2 alive\n" in long
    assert "  holder                    at most  when\n" in long


def test_routers_that_end_alike_are_one_table() -> None:
    texts = [conf(one) + instance(one, "W", OTHER, 48, CHECKED) for one in (102, 101)]
    said = said_of(*texts)
    assert f"\n{VIP}, {OTHER} (V, W, advert_int 1 s)\n" in said
    assert said.count("holder") == 1
    apart = said_of(*(conf(p) + instance(w, "W", OTHER, 48, CHECKED) for p, w in ((102, 101), (101, 102))))
    assert apart.count("holder") == 2


@pytest.mark.parametrize(
    ("texts", "ending"),
    [
        # a dead HAProxy that nobody sees, in both routers: the same combination once
        (
            [
                conf(p, check="true") + instance(w, "W", OTHER, 48, CHECKED)
                for p, w in ((102, 101), (101, 102))
            ],
            "9 combinations, 2 virtual routers; 2 end in doubt",
        ),
        ([conf(102), conf(101)], "9 combinations, 1 virtual router."),
        ([conf(102, weight=1), conf(101, weight=2)], "router; 1 ends in doubt, with several holders, or"),
    ],
)
def test_the_last_line_counts_combinations(texts: list[str], ending: str) -> None:
    assert ending in said_of(*texts).splitlines()[-1]


def test_it_is_kept_with_a_saved_plan_and_makes_none_stale() -> None:
    old = cluster(PROXY)
    made = plan(old, changed_vrrp(old, b"  advert_int 1\n", b"  advert_int 2\n"))
    read = decode(Plan, json.loads(json.dumps(encode(made))), "plan")
    assert read.election == made.election
    assert replace(read, election=None).changes == read.changes
