"""What an apply says that it cost the clients, where it cost nothing and where it did; and the budget."""

from __future__ import annotations

import os
import signal

import pytest

from tests.lab.job.steps import PORTS, Done, Site, eventually, four, run_until, tell

pytestmark = pytest.mark.lab

_PROBERS = "ps -eo pid,args | grep '[/]dev/fd/9' || :"
_KILL = "pkill -9 -o -f '[/]dev/fd/9'"  # the oldest: it began the others


def left(site: Site) -> dict[str, str]:
    """Probers that still run, by node."""
    return {node: said for node in ("lb1", "lb2", "lb3") if (said := site.sh(node, _PROBERS))}


def outage(site: Site, done: Done) -> dict[str, object]:
    found: dict[str, object] = done.report["probe"]
    tell(*(f"{key}: {value}" for key, value in found.items() if key not in ("steps", "failures")))
    tell(*(str(step) for step in done.report["probe"]["steps"] if step["failed"]))
    assert left(site) == {}
    return found


def when(site: Site, step: str, node: str, script: str, *words: str, where: str = "lb1") -> Done:
    """A rollout in which `script` runs, on the holder, when a step begins."""
    with site.start(*words, "--yes", "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if '"event": "started"' in line and f'"step": "{step}", "node": "{node}"' in line:
                site.sh(where, script)
        code = process.wait(timeout=100)
        return Done(code, "".join(lines), process.stderr.read())


DEAF = """\
  config: |
    frontend deaf
      bind 10.15.85.31:9999
      default_backend none
    backend none
"""
STOPPED = "systemctl stop haproxy; sleep 0.7; systemctl start haproxy"


class TestNothingFails:
    def test_where_files_change(self, site: Site) -> None:
        site.write(four(site.text))
        found = outage(site, site.apply())
        assert (found["failed"], found["silent"], found["ports"]) == (0, [], len(PORTS))
        assert int(str(found["asked"])) > 50 and found["off"] is None

    def test_where_the_vip_moves_there_and_back(self, site: Site) -> None:
        done = site.lbctl("restart", "haproxy", "--yes", "--json")
        found = outage(site, done)
        assert (found["failed"], found["outage"]) == (0, 0.0)
        assert found["from"] == ["lb3", "lb2", "lb3"]
        steps = {
            (step["step"], tuple(step["nodes"])): step["asked"] for step in done.report["probe"]["steps"]
        }
        assert steps["handover", ("lb1",)] > 10

    @pytest.mark.parametrize("run", range(3))
    def test_where_it_moves_to_the_node_that_asks(self, site: Site, run: int) -> None:
        """Of two the other one asks. What is under way to a VIP that comes to it is lost for it alone."""
        words = ("--exclude", "lb3", "--allow", "partial")
        done = site.lbctl("restart", "haproxy", "lb1", "--yes", "--json", *words)
        found = outage(site, done)
        assert (found["from"], found["failed"]) == (["lb2"], 0)

    @pytest.mark.parametrize("words", [("handover", "lb1"), ("drain", "lb1")])
    def test_by_hand(self, site: Site, words: tuple[str, ...]) -> None:
        if words[0] == "handover":
            site.write(
                site.text.replace("      state: BACKUP\n", "      state: BACKUP\n      nopreempt: true\n")
            )
            site.apply()
        try:
            found = site.lbctl(*words, "--json").document["probe"]
            tell(str({key: found[key] for key in ("asked", "failed", "longest_gap", "from")}))
            assert found["failed"] == 0 and found["asked"] > 50 and left(site) == {}
        finally:
            if words[0] == "drain":
                back = site.lbctl("undrain", "lb1", "--json").document["probe"]
        assert words[0] != "drain" or back["failed"] == 0

    def test_a_person_reads_it(self, site: Site) -> None:
        site.write(four(site.text))
        said = site.lbctl("apply", "--yes").out
        assert "probe: 0 of " in said and "longest gap 0.0 s" in said


class TestSomethingFails:
    def test_it_is_said_in_which_step(self, site: Site) -> None:
        site.write(four(site.text))
        done = when(site, "arm", "lb2", STOPPED, "apply")
        assert done.code == 0, done.err
        found = outage(site, done)
        assert int(str(found["failed"])) > len(PORTS)
        assert 0.5 < float(str(found["outage"])) < 3.0
        (worst,) = sorted(done.report["probe"]["steps"], key=lambda step: -step["failed"])[:1]
        assert worst["nodes"] == ["lb2"]

    def test_more_than_it_may_be_stops_it(self, site: Site) -> None:
        site.write(four(site.text))
        done = when(site, "arm", "lb2", STOPPED, "apply", "--max-outage", "0.3")
        assert done.code == 3, done.out
        found = outage(site, done)
        assert float(str(found["outage"])) > 0.3 and found["max_outage"] == 0.3
        assert {node["node"]: node["what"] for node in done.report["nodes"]} == {
            "lb1": "unchanged",
            "lb2": "undone",
            "lb3": "changed",
        }
        assert "more than --max-outage 0.3" in done.report["summary"]
        assert site.left_behind() == {} and site.answers() == list(PORTS)

    def test_one_port_that_answers_nobody_is_named(self, site: Site) -> None:
        site.write(site.text.replace("files:\n", f"{DEAF}files:\n"))
        site.apply()
        done = site.lbctl("restart", "haproxy", "lb3", "--yes", "--json")
        assert outage(site, done)["silent"] == [{"port": "10.15.85.31:9999", "said": "status-503"}]
        assert done.report["probe"]["failed"] == 0


class TestTheAskingNode:
    def test_what_asks_is_killed_and_the_restart_goes_on(self, site: Site) -> None:
        """While lb2 is under way lb3 asks; another one does then."""
        done = when(site, "swap", "lb2", _KILL, "restart", "haproxy", where="lb3")
        assert done.code == 0, done.err
        found = outage(site, done)
        assert found["failed"] == 0 and int(str(found["asked"])) > 50
        asked: list[str] = done.report["probe"]["from"]
        assert asked[:3] == ["lb3", "lb2", "lb3"] and asked[3] != "lb3"

    def test_nothing_is_left_where_lbctl_was_killed(self, site: Site) -> None:
        site.write(four(site.text))
        process = site.start("apply", "--yes", "--json")
        run_until(process, "done", "arm", "lb3")
        assert left(site) != {}
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        eventually(lambda: left(site) == {}, 10)
        site.apply()
