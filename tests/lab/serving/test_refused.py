"""Plans that may not be applied: one clear message, exit code 1, and no node is touched."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.serving.rig import Rig, Said

pytestmark = pytest.mark.lab

TIMEOUT = ("timeout server 10s", "timeout server 20s")
"""A change that asks for a reload and no more."""


@pytest.fixture
def saved(two_vips: Rig, tmp_path: Path) -> Iterator[Path]:
    """A plan file with one pending change, for as long as the cluster file asks for it."""
    path = tmp_path / "plan.json"
    with two_vips.changed(*TIMEOUT):
        assert two_vips.run("plan", "--out", str(path)).code == 0
        yield path


@contextmanager
def on_lb1(rig: Rig, do: str, undo: str) -> Iterator[None]:
    rig.sh("lb1", do)
    try:
        yield
    finally:
        rig.sh("lb1", undo)


class TestPlanFiles:
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda text: text[: len(text) // 2], "is cut short"),
            (lambda text: text[: len(text) - 2], "is cut short"),
            (lambda text: text.replace("lb1", "lb9", 1), "was changed after it was saved"),
            (lambda text: text.replace('"format_version": 1', '"format_version": 99'), "has format 99"),
            (lambda text: "", "is not a plan file"),
            (lambda text: "cluster: two-vips\n", "is not a plan file"),
            (lambda text: "[1, 2]", "is not a plan file"),
            (lambda text: '{"format_version": 1, "plan": 7}', "was changed after"),
            (lambda text: "{" * 100_000, "is cut short"),
        ],
        ids=["half", "last line", "edited", "newer", "empty", "yaml", "a list", "no plan", "deep"],
    )
    def test_spoiled(self, two_vips: Rig, saved: Path, spoil: object, words: str) -> None:
        assert callable(spoil)
        saved.write_text(spoil(saved.read_text()))
        assert words in two_vips.refused("apply", str(saved), "--yes")
        assert words in two_vips.run("show", str(saved)).err

    def test_not_text_a_directory_or_nothing(self, two_vips: Rig, tmp_path: Path) -> None:
        (tmp_path / "binary").write_bytes(bytes(range(256)))
        assert "is not a plan file" in two_vips.refused("apply", str(tmp_path / "binary"))
        assert "Is a directory" in two_vips.refused("apply", str(tmp_path))
        assert "No such file" in two_vips.refused("apply", str(tmp_path / "missing"))

    def test_of_another_cluster(self, two_vips: Rig, ipv6_only: Rig, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        assert ipv6_only.run("plan", "--out", str(path)).code == 0
        assert "is a plan of cluster ipv6-only, not of two-vips" in two_vips.refused("apply", str(path))

    def test_stale_the_cluster_file_has_changed(self, two_vips: Rig, saved: Path) -> None:
        with two_vips.changed("timeout connect 5s", "timeout connect 6s"):
            said = two_vips.refused("apply", str(saved))
        assert "the plan is stale" in said and "the cluster file" in said

    def test_stale_a_node_was_changed_by_hand(self, two_vips: Rig, saved: Path) -> None:
        with on_lb1(two_vips, "chmod 600 /etc/haproxy/haproxy.cfg", "chmod 644 /etc/haproxy/haproxy.cfg"):
            said = two_vips.refused("apply", str(saved))
        assert "the plan is stale" in said and "lb1 has changed" in said

    def test_stale_a_vip_has_moved(self, two_vips: Rig, saved: Path) -> None:
        drained, undrained = (f"echo {number} >/var/lib/lbctl/drain" for number in (-253, 0))
        with on_lb1(two_vips, drained, undrained):
            holds(two_vips, {"lb1": [], "lb2": ["10.20.0.5", "10.20.0.6"]})
            said = two_vips.refused("apply", str(saved))
        holds(two_vips, {"lb1": ["10.20.0.5"], "lb2": ["10.20.0.6"]})
        assert "the plan is stale" in said
        assert "it held 10.20.0.5" in said

    def test_used_twice(self, two_vips: Rig, saved: Path) -> None:
        first = two_vips.run("apply", str(saved))
        assert first.code == 0, first.all
        assert "used already" in two_vips.refused("apply", str(saved))
        with two_vips.changed(*reversed(TIMEOUT)):
            back = two_vips.run("apply", "--yes")
            assert back.code == 0, back.all
            assert "used already" in two_vips.refused("apply", str(saved))


def holds(rig: Rig, wanted: dict[str, list[str]]) -> None:
    """Wait until the VIPs are there."""
    until = time.monotonic() + 20
    while True:
        nodes = json.loads(rig.run("status", "--json").out)["nodes"]
        if {node["node"]: node["holds"] for node in nodes} == wanted:
            return
        assert time.monotonic() < until, nodes
        time.sleep(0.2)


class TestCandidates:
    """What the daemons themselves refuse: told in their words, nothing staged is left."""

    def test_haproxys(self, two_vips: Rig) -> None:
        with two_vips.changed("    mode http\n", "    mode http\n    balance no-such-algorithm\n"):
            said = two_vips.refused("apply", "--yes")
        assert "haproxy refuses its new configuration" in said
        assert "no-such-algorithm" in said

    def test_keepaliveds(self, two_vips: Rig) -> None:
        with two_vips.changed("virtual_router_id: 52", "virtual_router_id: 52\n      no_such_keyword: 7"):
            said = two_vips.refused("apply", "--yes")
        assert "keepalived refuses its new configuration" in said
        assert "no_such_keyword" in said

    def test_one_nodes_alone(self, two_vips: Rig) -> None:
        """A candidate that only one node refuses keeps the others from being touched too."""
        with (
            two_vips.changed("timeout connect 5s", "timeout connect 6s"),
            on_lb1(
                two_vips,
                "mv /usr/sbin/haproxy /usr/sbin/haproxy.kept; "
                "printf '#!/bin/sh\\necho \"[ALERT] not today\"; exit 1\\n' >/usr/sbin/haproxy; "
                "chmod 755 /usr/sbin/haproxy",
                "mv /usr/sbin/haproxy.kept /usr/sbin/haproxy",
            ),
        ):
            said = two_vips.refused("apply", "--yes")
        assert "lb1: haproxy refuses" in said and "not today" in said


class TestOwners:
    def test_a_node_of_another_cluster(self, two_vips: Rig) -> None:
        record = "/var/lib/lbctl/owner.json"
        with on_lb1(two_vips, f"sed -i.kept s/two-vips/elsewhere/ {record}", f"mv {record}.kept {record}"):
            said = two_vips.refused("apply", "--yes", "--allow", "take-over,drift")
        assert "lb1: belongs to another cluster, elsewhere" in said

    def test_a_node_of_a_cluster_of_the_same_name(self, two_vips: Rig) -> None:
        record = "/var/lib/lbctl/owner.json"
        edit = f'sed -i.kept \'s/"cluster_id": ".*"/"cluster_id": "{"0" * 32}"/\' {record}'
        with on_lb1(two_vips, edit, f"mv {record}.kept {record}"):
            said = two_vips.refused("apply", "--yes")
        assert "belongs to another cluster" in said

    def test_a_record_that_nobody_can_read(self, two_vips: Rig) -> None:
        record = "/var/lib/lbctl/owner.json"
        with on_lb1(
            two_vips, f"cp -a {record} {record}.kept; echo '{{' >{record}", f"mv {record}.kept {record}"
        ):
            said = two_vips.refused("apply", "--yes")
        assert "lb1: its owner record cannot be read" in said

    def test_a_foreign_configuration(self, two_vips: Rig) -> None:
        """Neither ours nor the package's sample: somebody's. It may be taken over, knowingly."""
        base = "/var/lib/lbctl"
        with on_lb1(
            two_vips,
            f"mv {base} {base}.kept; echo '# mine' >>/etc/haproxy/haproxy.cfg",
            f"rm -rf {base}; mv {base}.kept {base}; sed -i '$d' /etc/haproxy/haproxy.cfg",
        ):
            said = two_vips.refused("apply", "--yes")
        assert "--allow take-over" in said

    def test_drift_is_not_undone_unasked(self, two_vips: Rig) -> None:
        with on_lb1(two_vips, "chmod 600 /etc/haproxy/haproxy.cfg", "chmod 644 /etc/haproxy/haproxy.cfg"):
            said = two_vips.refused("apply", "--yes")
        assert "--allow drift" in said


class TestLock:
    def test_the_second_apply_says_who_works_and_gets_in_when_that_one_is_killed(self, two_vips: Rig) -> None:
        """Held by a process on the first one's connection: gone with it, whatever becomes of it."""
        slow = "mv /usr/sbin/haproxy /usr/sbin/haproxy.kept; "
        slow += "printf '#!/bin/sh\\nsleep 15\\nexec /usr/sbin/haproxy.kept \"$@\"\\n' >/usr/sbin/haproxy; "
        slow += "chmod 755 /usr/sbin/haproxy"
        with two_vips.changed("timeout connect 5s", "timeout connect 7s"):
            with on_lb1(two_vips, slow, "mv /usr/sbin/haproxy.kept /usr/sbin/haproxy; pkill -x sleep; :"):
                first = two_vips.start("apply", "--yes")
                locked(two_vips)
                second = two_vips.run("apply", "--yes")
                status = two_vips.run("status")
                first.send_signal(signal.SIGKILL)
                first.communicate()
            assert second.code == 1
            assert "lb1: somebody else is at work on it" in second.err
            assert "apply of plan" in second.err and "@" in second.err
            assert "apply of plan" in status.out
            third = eventually_in(two_vips)
            assert third.code == 0, third.all
        back = two_vips.run("apply", "--yes")
        assert back.code == 0, back.all


def locked(rig: Rig) -> None:
    until = time.monotonic() + 20
    while not rig.sh("lb2", "cat /var/lib/lbctl/lock.info 2>/dev/null; :"):
        assert time.monotonic() < until
        time.sleep(0.05)


def eventually_in(rig: Rig) -> Said:
    """An apply that gets the locks: sshd needs a moment to see that the killed one's connection is gone."""
    until = time.monotonic() + 20
    while True:
        said = rig.run("apply", "--yes")
        if "at work on it" not in said.err or time.monotonic() > until:
            return said
        time.sleep(0.2)


class TestConsent:
    def test_no_terminal_and_no_yes(self, two_vips: Rig) -> None:
        with two_vips.changed(*TIMEOUT):
            said = two_vips.refused("apply")
        assert "there is no terminal to ask on" in said and "--yes" in said

    @pytest.mark.parametrize("codes", ["drfit", "shrink,drfit"])
    def test_a_code_that_there_is_not(self, two_vips: Rig, codes: str) -> None:
        said = two_vips.refused("apply", "--yes", "--allow", codes)
        assert "--allow knows no code 'drfit'" in said and "did you mean drift?" in said
