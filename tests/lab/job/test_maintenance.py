"""A node that somebody works on: drained, rebooted, applied to, back; and one that is dead and left out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.job.steps import NODES, PORTS, VIP, Site, eventually, four, interrupt, tell
from tests.lab.sampler import sampled

pytestmark = pytest.mark.lab

RECORD = "/var/lib/lbctl/drain.json"


@pytest.fixture
def working(site: Site) -> Iterator[Site]:
    """Whatever a test leaves drained is not left so."""
    yield site
    for node in NODES:
        if site.sh(node, "cat /var/lib/lbctl/drain", check=False) not in ("", "0"):
            site.lbctl("undrain", node)


def drain_value(site: Site, node: str) -> str:
    return site.sh(node, "cat /var/lib/lbctl/drain").strip()


class TestDrain:
    def test_of_the_master_under_load_with_a_reboot(self, working: Site) -> None:
        site = working
        with site.load() as load:
            time.sleep(1)
            there = site.lbctl("drain", "lb1", "--for", "2h", "--reason", "new disk", "--json")
            assert site.holders() == ("lb2",)
            assert there.document["vips"] == [{"vip": "10.15.85.31", "nodes": ["lb2"]}]
            assert site.sh("lb1", f"stat -c %a {RECORD}").strip() == "600"
            site.lab.reboot("lb1")
            eventually(lambda: site.listens("lb1"), 30)
            eventually(lambda: site.sh("lb1", "systemctl is-active keepalived", check=False) == "active", 20)
            until = time.monotonic() + 8  # twice the time that an election takes
            while time.monotonic() < until:
                assert site.holders() == ("lb2",)
                time.sleep(0.2)
            drift = site.lbctl("drift", "--json").document
            said = [(item["what"], item["node"]) for item in drift["items"]]
            assert said == [("note", "lb1"), ("operational", "lb2")]
            assert "new disk" in drift["items"][0]["text"]
            assert "new disk" in site.lbctl("status").out
            back = site.lbctl("undrain", "lb1")
            assert site.holders() == ("lb1",)
            time.sleep(1)
        report = load.report
        tell(
            f"drain {there.seconds:.1f} s, undrain {back.seconds:.1f} s",
            f"there and back, and a reboot: {report.failed} of {report.requests} requests failed",
        )
        assert report.failed == 0, report.lines()
        assert site.sh("lb1", f"ls {RECORD}", check=False) == ""
        assert "was not drained" in site.lbctl("undrain", "lb1").out
        assert site.lbctl("drift").out == ""

    def test_one_whose_time_has_passed_is_drift(self, working: Site) -> None:
        site = working
        site.lbctl("drain", "lb3", "--for", "1s")
        time.sleep(2)
        drift = site.lbctl("drift", "--json", code=2).document
        assert [(i["what"], i["node"]) for i in drift["items"]] == [("drift", "lb3")]
        assert drain_value(site, "lb3") == "-253"
        site.lbctl("drain", "lb3")  # again is a new time
        assert site.lbctl("drift").code == 0

    def test_an_apply_leaves_it_drained(self, working: Site) -> None:
        site = working
        site.lbctl("drain", "lb1")
        site.write(four(site.text))
        done = site.apply()
        assert [node for node, step in done.steps() if step == "confirm"] == ["lb3", "lb1", "lb2"]
        assert not {("lb1", "drain"), ("lb1", "undrain")} & set(done.steps())
        assert (drain_value(site, "lb1"), site.holders()) == ("-253", ("lb2",))
        assert site.answers() == list(PORTS)
        site.lbctl("undrain", "lb1")
        assert site.holders() == ("lb1",)

    def test_the_last_one_and_one_without_a_drain_file_are_refused(self, working: Site) -> None:
        site = working
        for node in ("lb3", "lb2"):
            site.lbctl("drain", node)
        assert "--allow last-node" in site.lbctl("drain", "lb1", code=1).err
        assert drain_value(site, "lb1") == "0"
        for node in ("lb3", "lb2"):
            site.lbctl("undrain", node)
        site.write(site.text.replace("drain, ", ""))
        site.apply()
        assert "additions:" in site.lbctl("drain", "lb1", code=1).err

    def test_ctrl_c_and_a_vip_that_does_not_move_leave_it_as_it_was(self, working: Site) -> None:
        site = working
        # the others hear it no more, and hold out for themselves: nothing can take the VIP from it
        stop, start = ("systemctl kill -s STOP keepalived", "systemctl kill -s CONT keepalived")
        for node in ("lb2", "lb3"):
            site.sh(node, stop)
        try:
            said = site.lbctl("drain", "lb1", code=1).err
            assert "did not leave" in said, said
            process = site.start("drain", "lb1")
            eventually(lambda: drain_value(site, "lb1") == "-253", 10)
            interrupt(process)
            process.communicate(timeout=30)
            assert process.returncode == 130
        finally:
            for node in ("lb2", "lb3"):
                site.sh(node, start)
        assert drain_value(site, "lb1") == "0"
        assert site.sh("lb1", f"ls {RECORD}", check=False) == ""
        eventually(lambda: site.holders() == ("lb1",), 20)


class TestExclude:
    def test_a_dead_node_does_not_block_the_others(self, working: Site) -> None:
        site = working
        site.write(four(site.text))
        site.lab.power_cut("lb3")
        try:
            plan = site.plan("--exclude", "lb3")
            assert [p["code"] for p in plan["problems"] if p["level"] == "unsafe"] == ["partial"]
            assert "--allow partial" in site.apply("--exclude", "lb3", code=1).err
            done = site.apply("--exclude", "lb3", "--allow", "partial")
            assert [n["node"] for n in done.report["nodes"]] == ["lb1", "lb2"]
            assert "Left out: lb3" in done.report["summary"]
            tell(f"an apply without the dead lb3: {done.seconds:.1f} s")
            assert site.lbctl("drift", "--exclude", "lb3", "--json").document["excluded"] == ["lb3"]
        finally:
            site.lab.start("lb3")
        eventually(lambda: site.listens("lb3"), 30)
        changes = site.plan()["changes"]
        assert {change["node"] for change in changes if change["action"] != "record"} == {"lb3"}
        assert [step for step in site.apply().steps() if step[1] == "swap"] == [("lb3", "swap")]
        assert site.plan()["changes"] == []


class TestHandover:
    def test_for_good_where_nobody_preempts(self, site: Site) -> None:
        before = site.plan()["changes"]
        refused = site.lbctl("handover", "lb1", code=1)
        assert before == [] and "would come straight back" in refused.err
        site.write(site.text.replace("      advert_int: 1\n", "      advert_int: 1\n      nopreempt: true\n"))
        site.apply()
        pid = site.pids("lb1", "keepalived")
        with sampled(site.lab) as sampler, site.load() as load:
            time.sleep(0.5)
            done = site.lbctl("handover", "lb1", "--json")
            time.sleep(0.5)
        timeline = sampler.timeline(VIP)
        cost = f"{load.report.failed} of {load.report.requests} requests failed"
        tell(f"handover {done.seconds:.1f} s: {cost}", *timeline.lines())
        assert done.document["vips"] == [{"vip": VIP, "nodes": ["lb2"]}]
        assert (done.document["given"], site.holders()) == ([VIP], ("lb2",))
        assert site.pids("lb1", "keepalived") != pid and site.left_behind() == {}
        assert timeline.longest(2) < 0.05
        assert "losslessly" in done.document["how"] and load.report.failed == 0
        assert "nothing to give" in site.lbctl("handover", "lb1").out
        assert site.lbctl("drift").out == "", "where nobody preempts it is at home there"
