"""The election table of made-up clusters: who holds the VIPs, how soon, and why. What a row says is held
against the real daemons in tests/lab/elections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from lbctl import keepalived
from lbctl.model.content import plain
from lbctl.model.election import ElectionTable, Holders, NodeState, Outcome, Why
from lbctl.planning.election import candidates, patience, settle_seconds
from lbctl.planning.elections.change import change, differences
from lbctl.planning.elections.combinations import combinations, most
from lbctl.planning.elections.party import Party
from lbctl.planning.elections.table import table

VIP, OTHER = "10.0.0.31", "10.0.0.32"
LETTERS = {"a": NodeState.ALIVE, "h": NodeState.HAPROXY_DEAD, "d": NodeState.DEAD}


def conf(
    priority: int,
    *,
    check: str = "killall -0 haproxy",
    weight: int | None = 10,
    fall: int = 1,
    more: str = "",
    name: str = "V",
    vip: str = VIP,
    router: int = 47,
    group: str = "",
    own: bool = True,
) -> str:
    """One instance that follows one check, every second."""
    followed = more + "\n track_script {\n  check\n }" if own else more
    return f"""\
vrrp_script check {{
 script "{check}"
 interval 1
 fall {fall}
 {"" if weight is None else f"weight {weight}"}
}}
{group}
{instance(priority, name, vip, router, followed)}"""


def instance(priority: int, name: str, vip: str, router: int, more: str = "") -> str:
    return f"""\
vrrp_instance {name} {{
 state BACKUP
 interface eth0
 virtual_router_id {router}
 priority {priority}
 advert_int 1
 virtual_ipaddress {{
  {vip}
 }}
 {more}
}}
"""


def parties(*texts: str) -> list[Party]:
    return [
        Party(f"lb{number}", f"10.0.0.{number}", keepalived.parse(text.encode()))
        for number, text in enumerate(texts, 1)
    ]


def outcome(found: ElectionTable, letters: str, vip: str = VIP) -> Outcome:
    router = found.router(vip)
    assert router is not None
    one = router.outcome(tuple(LETTERS[letter] for letter in letters))
    assert one is not None
    return one


def ends(found: ElectionTable, vip: str = VIP) -> dict[str, tuple[Holders, ...]]:
    letters = {state: letter for letter, state in LETTERS.items()}
    router = found.router(vip)
    assert router is not None
    return {"".join(letters[state] for state in row.states): row.outcome.ends for row in router.rows}


def only(*holders: str) -> tuple[Holders, ...]:
    return (holders,)


def test_the_best_node_with_an_haproxy_holds_the_vip() -> None:
    found = table(parties(conf(102), conf(101), conf(100)))
    assert (found.nodes, found.failures, found.notes) == (("lb1", "lb2", "lb3"), 3, ())
    rows = ends(found)
    assert len(rows) == 27
    for letters, holders in rows.items():
        serving = [f"lb{place + 1}" for place, letter in enumerate(letters) if letter == "a"]
        standing = [f"lb{place + 1}" for place, letter in enumerate(letters) if letter != "d"]
        assert holders == only(*(serving or standing)[:1]), letters


@pytest.mark.parametrize(
    ("weight", "letters", "seconds"),
    [
        (10, "aaa", 0.0),
        # 3 × advert_int and the skew of 111: (256 - 111) / 256
        (10, "daa", 3 + 145 / 256),
        (10, "haa", 1 + 3 + 145 / 256),
        # FAULT is announced: the skew of 101 alone
        (0, "haa", 1 + 155 / 256),
        (0, "daa", 3 + 155 / 256),
        (0, "hhh", 1.0),
        (0, "hdh", 1.0),
        # lb1's adverts may have been accepted until its priority fell; then -20 leaves 82
        (-20, "haa", 1 + 3 + 155 / 256),
    ],
)
def test_how_long_it_takes_at_most(weight: int, letters: str, seconds: float) -> None:
    found = table(parties(*(conf(priority, weight=weight) for priority in (102, 101, 100))))
    assert outcome(found, letters).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("weight", "letters", "seconds"),
    [
        # the last advert came a whole advert_int ago
        (10, "daa", 2 + 145 / 256),
        # and the check failed at once
        (10, "haa", 2 + 145 / 256),
        (0, "haa", 155 / 256),
        (10, "aaa", 0.0),
    ],
)
def test_how_long_it_takes_at_least(weight: int, letters: str, seconds: float) -> None:
    found = table(parties(*(conf(priority, weight=weight) for priority in (102, 101, 100))))
    assert outcome(found, letters).soonest == pytest.approx(seconds)


def test_version_3_waits_in_its_own_advert_int() -> None:
    texts = [
        conf(priority, more="version 3").replace("advert_int 1", "advert_int 0.2") for priority in (102, 90)
    ]
    assert outcome(table(parties(*texts)), "da").seconds == pytest.approx(0.6 + 0.2 * 156 / 256)


def test_version_3_waits_in_the_dead_masters_advert_int() -> None:
    first, second = (conf(priority, more="version 3") for priority in (102, 90))
    found = outcome(table(parties(first, second.replace("advert_int 1", "advert_int 2"))), "da")
    assert found.soonest == pytest.approx(2 + 156 / 256)
    assert found.seconds == pytest.approx(3 + 156 / 256)


@pytest.mark.parametrize(
    ("adverts", "soonest", "seconds"), [(1, 0, 1), (3, 2, 3), (10, 9, 10), (100, 99, 100)]
)
def test_so_many_adverts_are_waited_for(adverts: int, soonest: int, seconds: int) -> None:
    texts = [conf(priority, more=f"down_timer_adverts {adverts}") for priority in (102, 101)]
    found = outcome(table(parties(*texts)), "da")
    assert found.soonest == pytest.approx(soonest + 145 / 256)
    assert found.seconds == pytest.approx(seconds + 145 / 256)
    assert patience(candidates("lb1", keepalived.parse(texts[0].encode()))) == seconds + 1
    assert settle_seconds(candidates("lb1", keepalived.parse(texts[0].encode()))) == adverts + 7


def test_a_plan_that_lets_fewer_adverts_be_missed_says_so() -> None:
    before, after = (
        parties(conf(102, more=one), conf(101, more=one)) for one in ("", "down_timer_adverts 2")
    )
    assert change(before, after) is not None


def test_fall_lets_the_check_fail_more_than_once() -> None:
    found = table(parties(conf(102, fall=3), conf(101, fall=3)))
    assert outcome(found, "ha").seconds == pytest.approx(3 + 3 + 145 / 256)


def test_nobody_holds_it_where_all_are_in_fault() -> None:
    found = table(parties(conf(102, weight=0), conf(101, weight=0)))
    assert (outcome(found, "hh").ends, outcome(found, "hh").why) == (((),), (Why.NOBODY,))
    assert outcome(found, "hd").ends == ((),)


def test_a_weight_that_is_too_small() -> None:
    found = table(parties(*(conf(priority, weight=1) for priority in (102, 101, 100))))
    equal, highest = outcome(found, "haa"), outcome(found, "hda")
    assert (equal.ends, equal.why, equal.idle) == (only("lb1"), (Why.EQUAL,), ("lb1",))
    assert (highest.ends, highest.why, highest.idle) == (only("lb1"), (Why.HIGHEST,), ("lb1",))
    # lb2 has taken over before its check fails, or lb3 is as good by then
    assert outcome(found, "dha").ends == (("lb2",), ("lb3",))


def test_nopreempt_keeps_a_holder_whose_haproxy_is_dead() -> None:
    found = table(parties(*(conf(priority, more="nopreempt", weight=50) for priority in (140, 120, 100))))
    stays = outcome(found, "haa")
    assert (stays.ends, stays.why, stays.idle) == (only("lb1"), (Why.NOPREEMPT,), ("lb1",))
    moved = outcome(found, "daa")
    assert (moved.ends, moved.back) == (only("lb2"), only("lb2"))


def test_the_first_that_comes_back_keeps_it_where_nobody_preempts() -> None:
    found = table(parties(*(conf(priority, more="nopreempt", weight=0) for priority in (102, 101))))
    assert outcome(found, "hh").back == (("lb1",), ("lb2",))
    assert outcome(found, "hd").back == (("lb1",), ("lb2",))


def test_many_ties_are_played_in_a_bounded_time() -> None:
    """Every instance has the same VIP: a file that nobody should write."""
    text = "".join(instance(100, f"V{number}", VIP, number) for number in range(1, 30))
    assert outcome(table(parties(text, text)), "aa").ends


def test_too_many_that_stand_or_fall_together_are_named() -> None:
    text = "".join(instance(100, f"V{number}", VIP, number) for number in range(1, 40))
    found = table(parties(text, text))
    assert (found.routers, found.notes[-1]) == (
        (),
        f"78 instances stand or fall with {VIP}: too many to play",
    )


def test_with_preemption_the_first_node_takes_it_back() -> None:
    assert outcome(table(parties(conf(102), conf(101))), "da").back == only("lb1")


def test_state_master_clears_nopreempt() -> None:
    texts = [conf(priority, more="nopreempt").replace("BACKUP", "MASTER") for priority in (102, 101)]
    assert outcome(table(parties(*texts)), "ha").ends == only("lb2")


def test_one_that_preempts_takes_it_where_the_best_does_not() -> None:
    texts = (conf(102), conf(101, more="nopreempt"), conf(100))
    assert outcome(table(parties(*texts)), "haa").ends == only("lb3")


def test_of_two_that_are_due_almost_at_once_nopreempt_lets_either_keep_it() -> None:
    """4 ms apart. Where the better one preempts, it does not matter who was the first."""
    texts = [conf(priority, more="nopreempt") for priority in (102, 101, 100)]
    found = outcome(table(parties(*texts)), "daa")
    assert (found.ends, found.why) == ((("lb2",), ("lb3",)), (Why.CLOSE,))
    texts[1] = conf(101)
    assert outcome(table(parties(*texts)), "daa").ends == only("lb2")


PASS = "authentication {{\n auth_type PASS\n auth_pass {}\n }}"


def test_masters_that_discard_each_others_adverts_hold_each_other_up() -> None:
    """lb3 has another password. lb1 sends less often than it should, and lb2 takes over for moments."""
    one, other = PASS.format("one"), PASS.format("other")
    found = table(parties(conf(102, more=one), conf(101, more=one), conf(100, more=other)))
    restless = outcome(found, "aaa")
    assert (restless.ends, restless.why) == (only("lb1", "lb3"), (Why.UNSETTLED, Why.SPLIT))
    assert outcome(found, "ada").why == (Why.SPLIT,)
    # lb2 may have waited for long
    moved = outcome(found, "daa")
    assert moved.soonest == 0.0
    assert moved.seconds == pytest.approx(3 + 145 / 256)
    # adverts that do not come put nothing off
    apart = conf(100).replace("virtual_router_id 47", "virtual_router_id 48")
    assert outcome(table(parties(conf(102), conf(101), apart)), "aaa").why == (Why.SPLIT,)


def test_which_comes_first_is_told_where_it_decides() -> None:
    """Whether lb2 takes over before its check has failed three times, and keeps the VIP then."""
    texts = [conf(priority, more="nopreempt", fall=4, weight=50) for priority in (140, 120, 100)]
    found = outcome(table(parties(*texts)), "dha")
    assert (found.ends, found.why) == ((("lb2",), ("lb3",)), (Why.RACE, Why.NOPREEMPT))


def test_preempt_delay_is_waited_for() -> None:
    texts = (conf(102, more="preempt_delay 5"), conf(101, more="preempt_delay 5"))
    found = outcome(table(parties(*texts)), "ha")
    assert found.ends == only("lb2")
    assert found.seconds == pytest.approx(1 + 1 + 5 + 3 + 145 / 256)
    # nobody is left whom it would wait for
    assert outcome(table(parties(*texts)), "da").seconds == pytest.approx(3 + 145 / 256)


def test_equal_priorities() -> None:
    found = table(parties(conf(100), conf(100), conf(90)))
    assert (outcome(found, "aaa").ends, outcome(found, "aaa").why) == ((("lb1",), ("lb2",)), (Why.TIE,))
    held = table(parties(conf(100), conf(100), conf(90)), {VIP: ("lb2",)})
    assert outcome(held, "aaa").ends == only("lb2")


def test_an_address_owner_ignores_its_check() -> None:
    found = outcome(table(parties(conf(255), conf(100))), "ha")
    assert (found.ends, found.why, found.idle) == (only("lb1"), (Why.UNTRACKED,), ("lb1",))


@pytest.mark.parametrize(
    ("more", "sees"),
    [
        ("track_process {\n haproxy\n }", True),
        ("track_process {\n other\n }", False),
        ("track_interface {\n eth1 weight 10\n }", False),
    ],
)
def test_processes_and_links(more: str, sees: bool) -> None:
    defined = (
        "track_process haproxy {\n process haproxy\n}\ntrack_process other {\n process other\n weight 50\n}\n"
    )
    found = table(parties(*(defined + conf(priority, more=more, own=False) for priority in (102, 101))))
    assert outcome(found, "ha").ends == only("lb2" if sees else "lb1")


def test_what_cannot_be_known_is_named() -> None:
    more = """track_interface {
 eth1 weight 10
 eth0
}
track_bfd {
 router
}
track_process {
 bird
}
track_file {
 load
 d
}
track_script {
 gateway
 heavy
}"""
    defined = """track_process bird {
 process bird
}
vrrp_script gateway {
 script "/bin/ping -c1 10.0.0.254"
}
vrrp_script heavy {
 script "killall -0 haproxy"
 weight 5
}
vrrp_script unused {
 script "/bin/ping -c1 10.0.0.253"
}
track_file load {
 file /run/load
}
track_file d {
 file /var/lib/lbctl/drain
 weight 1
}
"""
    found = table(parties(*(defined + conf(priority, more=more, own=False) for priority in (102, 101))))
    assert found.notes == (
        "lb1, lb2: taken to be well: link eth1, link router, check gateway, process bird, file /run/load (0)",
    )


GROUP = "vrrp_sync_group G {{\n group {{\n  V\n  W\n }}\n {}\n}}\n"


def grouped(first: int, second: int, *, weight: int, more: str = "", own: bool = True) -> str:
    text = conf(first, weight=weight, group=GROUP.format(more), own=own)
    return text + instance(second, "W", OTHER, 48, "track_script {\n  check\n }" if own else "")


def test_a_sync_group_stands_and_falls_together() -> None:
    """The second instance follows nothing itself."""
    texts = [
        conf(priority, weight=0, group=GROUP.format("")) + instance(priority, "W", OTHER, 48)
        for priority in (102, 101)
    ]
    found = table(parties(*texts))
    for vip in (VIP, OTHER):
        assert outcome(found, "ha", vip).ends == only("lb2")
    assert [(router.instances, router.sync_groups) for router in found.routers] == [
        (("V",), ("G",)),
        (("W",), ("G",)),
    ]


@pytest.mark.parametrize(
    ("more", "own", "moves"),
    [
        ("", True, False),
        ("sync_group_tracking_weight", True, True),
        ("track_script {\n  check\n }", False, True),
    ],
)
def test_weights_in_a_sync_group(more: str, own: bool, moves: bool) -> None:
    """A member's own count with sync_group_tracking_weight alone; the group's count."""
    texts = [grouped(priority, priority, weight=10, more=more, own=own) for priority in (102, 101)]
    found = outcome(table(parties(*texts)), "ha")
    assert found.ends == only("lb2" if moves else "lb1")
    assert found.why == (() if moves else (Why.UNTRACKED,))


def test_a_sync_group_takes_over_where_it_is_better_in_every_instance() -> None:
    texts = [grouped(102, 100, weight=0), grouped(101, 103, weight=0)]
    held = {VIP: ("lb1",), OTHER: ("lb1",)}
    assert outcome(table(parties(*texts), held), "aa").ends == only("lb1")
    # from nothing the first is the one whose lowest priority is the higher
    assert outcome(table(parties(*texts)), "aa").ends == only("lb2")


def test_sync_groups_that_are_due_at_once_and_beat_each_other_do_not_settle_soon() -> None:
    """lb1 is better in one instance, lb3 in the other: both give up, and wait again."""
    texts = [grouped(102, 100, weight=0), grouped(101, 103, weight=0), grouped(100, 102, weight=0)]
    found = outcome(table(parties(*texts), {VIP: ("lb2",), OTHER: ("lb2",)}), "ada")
    assert (found.ends, found.why) == ((("lb1",), ("lb3",)), (Why.UNSETTLED, Why.TIE))


def test_instances_of_their_own_have_masters_of_their_own() -> None:
    texts = [conf(one) + instance(101 + 102 - one, "W", OTHER, 48) for one in (102, 101)]
    found = table(parties(*texts))
    assert (outcome(found, "aa").ends, outcome(found, "aa", OTHER).ends) == (only("lb1"), only("lb2"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("virtual_router_id 47", "virtual_router_id 48"),
        ("advert_int 1", "advert_int 2"),
        (VIP, OTHER + "\n  " + VIP),
        ("state BACKUP", "state BACKUP\n version 3"),
        ("state BACKUP", "state BACKUP\n authentication {\n auth_type PASS\n auth_pass x\n }"),
        ("state BACKUP", "state BACKUP\n unicast_peer {\n 10.0.0.1\n }"),
    ],
)
def test_nodes_that_do_not_hear_each_other(old: str, new: str) -> None:
    text = conf(102)
    assert old in text
    found = outcome(table(parties(text, text.replace(old, new))), "aa")
    assert (found.ends, found.why) == (only("lb1", "lb2"), (Why.SPLIT,))


def test_unicast_peers_that_do_not_list_each_other() -> None:
    def peers(priority: int, *named: int) -> str:
        return conf(
            priority, more="unicast_peer {\n " + "\n ".join(f"10.0.0.{one}" for one in named) + "\n }"
        )

    assert outcome(table(parties(peers(102, 2), peers(101, 1))), "aa").ends == only("lb1")
    # lb2 is heard by lb1, and does not hear it
    assert outcome(table(parties(peers(102, 9), peers(101, 1))), "aa").ends == only("lb1", "lb2")


@pytest.mark.parametrize(
    ("check", "sees"),
    [
        ("killall -0 haproxy", True),
        ("/usr/bin/systemctl is-active haproxy", True),
        ("/etc/keepalived/check_haproxy.sh", True),
        ("curl -fs http://127.0.0.1:5000/", True),
        ("curl -fs http://localhost/", True),
        ("</dev/tcp/127.0.0.1/5000", True),
        ("/etc/keepalived/asks.sh", True),
        ("curl -fs http://127.0.0.1:5001/", False),
        ("ping -c1 10.0.0.254", False),
        ("killall -0 nginx", False),
        ("/usr/bin/pidof nginx", False),
        ("test ! -e /etc/keepalived/down", False),
        ("/etc/keepalived/other.sh", None),
        ("/usr/local/bin/unknown", None),
        ("sh -c /usr/local/bin/unknown", None),
    ],
)
def test_which_checks_see_a_dead_haproxy(check: str, sees: bool | None) -> None:
    haproxy = plain(b"frontend f\n  bind :5000\n  bind *:80\nlisten s\n  bind /run/x.sock\n")
    files = {
        "/etc/keepalived/asks.sh": "#!/bin/sh\nnc -z localhost 5000\n",
        "/etc/keepalived/other.sh": "#!/bin/sh\nother\n",
    }
    found = table(
        [
            Party(
                f"lb{number}",
                f"10.0.0.{number}",
                keepalived.parse(conf(priority, check=check).encode()),
                haproxy,
                files,
            )
            for number, priority in ((1, 102), (2, 101))
        ]
    )
    expected: Mapping[bool | None, Sequence[Holders]] = {
        True: [("lb2",)],
        False: [("lb1",)],
        None: [("lb1",), ("lb2",)],
    }
    assert outcome(found, "ha").ends == tuple(expected[sees])
    notes = {
        True: [],
        False: [
            "lb1, lb2: no check that counts sees a dead HAProxy",
            "lb1, lb2: taken to be well: check check",
        ],
        None: ["lb1, lb2: nobody knows whether the check check sees a dead HAProxy"],
    }
    assert list(found.notes) == notes[sees]
    assert (Why.UNSURE in outcome(found, "ha").why) == (sees is None)


def test_a_drained_node_is_left_out_of_it() -> None:
    drain = "track_file d {\n file /var/lib/lbctl/drain\n weight 1\n}\n"
    one, other = parties(*(drain + conf(p, more="track_file {\n d\n }") for p in (102, 101)))
    found = table([Party(one.node, one.address, one.keepalived, drain=-253), other])
    assert outcome(found, "aa").ends == only("lb2")
    assert outcome(found, "ad").ends == only("lb1")


@pytest.mark.parametrize(
    ("nodes", "failures", "rows"), [(1, 1, 3), (4, 4, 81), (5, 2, 51), (7, 2, 99), (8, 1, 17), (200, 1, 401)]
)
def test_of_many_nodes_a_few_fail(nodes: int, failures: int, rows: int) -> None:
    assert most(nodes) == failures
    assert len(list(combinations([""] * nodes, failures))) == rows


def test_the_table_says_how_many_fail() -> None:
    found = table(parties(*(conf(100 + number) for number in range(5))))
    router = found.router(VIP)
    assert router is not None
    assert (found.failures, len(router.rows)) == (2, 51)


def test_what_fails_elsewhere_changes_nothing() -> None:
    """Of four nodes two and two have a VIP of their own."""
    texts = [conf(one) for one in (102, 101)]
    texts += [conf(one, name="W", vip=OTHER, router=48) for one in (102, 101)]
    found = table(parties(*texts))
    for mine in ("aa", "ha", "dd"):
        assert len({outcome(found, mine + others) for others in ("aa", "hd", "dd")}) == 1
        assert len({outcome(found, others + mine, OTHER) for others in ("aa", "hd", "dd")}) == 1


def test_combinations_begin_with_the_fewest_failures() -> None:
    found = list(combinations(("lb1", "lb2"), 2))
    assert len(found) == len(set(found)) == 9
    failures = [sum(state is not NodeState.ALIVE for state in states) for states in found]
    assert failures == sorted(failures)


def test_what_an_apply_changes() -> None:
    before, after = parties(conf(102, weight=1), conf(101, weight=1)), parties(conf(102), conf(101))
    found = change(before, after)
    assert found is not None
    (only_one,) = differences(found)
    a, h = NodeState.ALIVE, NodeState.HAPROXY_DEAD
    assert only_one.vips == (VIP,)
    assert [row[0] for row in only_one.rows] == [(h, a)]
    assert change(before, before) is None
    assert change(before, parties(conf(103, weight=1), conf(102, weight=1))) is None  # skews alone


def test_what_an_apply_changes_when_a_node_comes_or_a_vip() -> None:
    two, three = parties(conf(102), conf(101)), parties(conf(102), conf(101), conf(100))
    found = change(two, three)
    assert found is not None
    (joined,) = differences(found)
    assert {states[:2] for states, *_ in joined.rows} <= {
        (one, other) for one in NodeState for other in NodeState
    }
    assert all(states[2] is not NodeState.DEAD for states, *_ in joined.rows)
    more = parties(*(conf(one) + instance(one, "W", OTHER, 48) for one in (102, 101)))
    widened = change(two, more)
    assert widened is not None
    (added,) = differences(widened)
    assert (added.vips, added.rows[0][1]) == ((OTHER,), None)
    assert change([], two) is None


@pytest.mark.parametrize(
    ("before", "after", "failures"), [(3, 2, 3), (1, 3, 3), (5, 4, 2), (4, 5, 2), (8, 2, 1)]
)
def test_every_combination_is_compared_when_nodes_come_or_go(before: int, after: int, failures: int) -> None:
    """A table of fewer nodes is complete: it leaves none out."""
    old, new = (parties(*(conf(100 + number) for number in range(some))) for some in (before, after))
    found = change(old, new)
    assert found is not None
    (one,) = differences(found)
    assert one.failures == failures
    every = set(combinations(one.nodes, failures))
    assert {*one.alike, *(states for states, *_ in one.rows)} == every


def test_nothing_is_played_where_vrrp_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of haproxy.cfg alone costs no table."""
    monkeypatch.delattr("lbctl.planning.elections.change.on")
    before = parties(conf(102), conf(101))
    haproxy = [replace(party, haproxy=plain(b"listen s\n  bind :5000\n")) for party in before]
    assert change(before, haproxy) is None
    with pytest.raises(NameError):
        change(before, parties(conf(102), conf(103)))
