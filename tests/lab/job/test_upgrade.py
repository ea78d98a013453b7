"""Packages brought to new versions node by node: under load, refused, killed in the middle, rebooted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.lab.job.offers import offer, withdraw
from tests.lab.job.steps import ALLOW_ALL, NODES, PORTS, Site, eventually, four, run_until, tell
from tests.lab.job.test_restart import DAEMONS, ORDER, new, pids, snapshots, whats

pytestmark = pytest.mark.lab

WITHIN = 40  # seconds: the least that lbctl takes for an upgrade, and some more
REFUSES = r"""
mv usr/sbin/haproxy usr/sbin/haproxy.real
cat >usr/sbin/haproxy <<'END'
#!/bin/sh
for word; do
  [ "$word" != -c ] || { echo '[ALERT] (1) : config : it is not to its taste' >&2; exit 1; }
done
exec /usr/sbin/haproxy.real "$@"
END
chmod 755 usr/sbin/haproxy
"""
FILES = "find /etc/haproxy /etc/keepalived -type f -exec sha256sum {} + | sort"
Versions = dict[tuple[str, str], str]


def versions(site: Site) -> Versions:
    found = {}
    for node in NODES:
        for line in site.sh(node, "dpkg-query -W haproxy keepalived").splitlines():
            name, version = line.split()
            found[node, name] = version
    return found


def raised(before: Versions, names: Sequence[str], nodes: Sequence[str], suffix: str) -> Versions:
    return {
        (node, name): version + suffix if name in names and node in nodes else version
        for (node, name), version in before.items()
    }


@contextmanager
def offered(site: Site, names: Sequence[str], suffix: str, change: str = ":") -> Iterator[None]:
    """Every node's repository has a higher version of these packages; afterwards all is as it was."""
    before = versions(site)
    try:
        for node in NODES:
            for name in names:
                offer(site, node, name, suffix, change)
        yield
    finally:
        for node in NODES:
            withdraw(site, node)
        old = " ".join(f"{name}={before['lb1', name]}" for name in DAEMONS)
        if versions(site) != before:
            # as any other change of a version: an apply's would be the same for a node that lacks it
            for node in NODES:
                site.sh(node, f"apt-get -q -y --allow-downgrades install {old} >/dev/null")


def starts(site: Site, since: str) -> dict[tuple[str, str], int]:
    """How often systemd has started each daemon since then."""
    count = "journalctl -q -o cat -u {unit} --since @{since} _PID=1 | grep -c '^Started {unit}'; :"
    return {
        (node, unit): int(site.sh(node, count.format(unit=unit, since=since)).strip() or 0)
        for node in NODES
        for unit in DAEMONS
    }


def now(site: Site) -> str:
    return site.sh("lb1", "date +%s").strip()


class TestUpgrade:
    def test_both_packages_under_load(self, site: Site) -> None:
        was, before, began = versions(site), pids(site), now(site)
        with offered(site, DAEMONS, "+lab1"):
            files = {node: site.sh(node, FILES) for node in NODES}
            with site.load() as load:
                done = site.lbctl("upgrade", "--yes", "--json")
                report = load.stop()
            tell(f"upgrade of both packages on three nodes, {done.seconds:.1f} s:", *report.lines())
            assert report.failed == 0, report.lines()
            assert done.report["probe"]["failed"] == 0 < done.report["probe"]["asked"], done.report["probe"]
            assert versions(site) == raised(was, DAEMONS, NODES, "+lab1")
            assert new(before, pids(site)) == set(before)
            assert starts(site, began) == dict.fromkeys(before, 1)
            assert [node for node, step in done.steps() if step == "upgrade"] == list(ORDER)
            steps = ["stage", "arm", "handover", "upgrade", "swap", "verify", "undrain", "confirm"]
            assert [step for node, step in done.steps() if node == "lb1"] == steps
            assert whats(done.report) == dict.fromkeys(NODES, "upgraded")
            assert done.report["nodes"][0]["packages"] == [
                {"package": name, "before": was["lb1", name], "after": f"{was['lb1', name]}+lab1"}
                for name in DAEMONS
            ]
            assert done.report["summary"] == "Upgraded haproxy and keepalived: lb1, lb2, lb3."
            assert site.left_behind() == {} and site.holders() == ("lb1",)
            assert site.plan()["changes"] == []
            assert files == {n: site.sh(n, FILES) for n in NODES}
            self.nothing_is_left_to_do(site)

    def nothing_is_left_to_do(self, site: Site) -> None:
        before, was = pids(site), snapshots(site)
        done = site.lbctl("upgrade", "--yes")
        tell(f"a second upgrade, {done.seconds:.1f} s:", done.out)
        assert "Nothing to upgrade: every package is at its candidate." in done.out
        assert (pids(site), snapshots(site)) == (before, was)

    def test_one_package_on_one_node(self, site: Site) -> None:
        was, before = versions(site), pids(site)
        with offered(site, DAEMONS, "+lab2"):
            done = site.lbctl("upgrade", "keepalived", "--node", "lb2", "--yes")
            assert versions(site) == raised(was, ["keepalived"], ["lb2"], "+lab2")
            assert new(before, pids(site)) == {("lb2", "keepalived")}
            old = was["lb2", "keepalived"]
            assert f"{old} → {old}+lab2" in done.out and "^ package/keepalived  lb2" in done.out
            assert site.plan()["changes"] == []


class TestRefused:
    def test_a_binary_that_refuses_the_configuration(self, site: Site) -> None:
        was, before, began = versions(site), pids(site), now(site)
        with offered(site, ["haproxy"], "+lab3", REFUSES), site.load() as load:
            done = site.lbctl("upgrade", "haproxy", "--yes", "--json", code=3)
            report = load.stop()
            tell("refused:", *done.report["advice"], done.report["summary"], *report.lines())
            assert whats(done.report) == {"lb1": "unchanged", "lb2": "unchanged", "lb3": "undone"}
            assert all(node["serving"] for node in done.report["nodes"])
            failed = next(line for line in done.lines if line["event"] == "failed")
            assert (failed["node"], failed["step"]) == ("lb3", "upgrade")
            assert "not to its taste" in str(failed["evidence"])
            assert versions(site) == was and new(before, pids(site)) == set()
            assert starts(site, began) == dict.fromkeys(before, 0)
            assert site.left_behind() == {} and site.holders() == ("lb1",) and site.listens("lb3")
            assert report.failed == 0, report.lines()

    def test_what_was_changed_by_hand(self, site: Site) -> None:
        was, before = versions(site), pids(site)
        with offered(site, ["haproxy"], "+lab4"):
            site.sh("lb3", "echo '# by hand' >>/etc/haproxy/haproxy.cfg")
            done = site.lbctl("upgrade", "--yes", code=1)
            assert "lb3: is not as the cluster file says: file/etc/haproxy/haproxy.cfg" in done.out
            assert (versions(site), pids(site)) == (was, before)
            site.apply("--allow", ALLOW_ALL)

    def test_a_pinned_version_and_one_on_hold(self, site: Site) -> None:
        was, before = versions(site), pids(site)
        pinned = f"packages: {{haproxy: '{was['lb1', 'haproxy']}', keepalived: null, psmisc: null}}"
        with offered(site, DAEMONS, "+lab5"):
            site.write(site.text.replace("packages: [haproxy, keepalived, psmisc]", pinned))
            site.sh("lb2", "apt-mark hold keepalived")
            done = site.lbctl("upgrade", "--yes", code=1)
            assert f"haproxy is kept to {was['lb1', 'haproxy']} by the cluster file" in done.out
            assert f"lb2: keepalived is on hold at {was['lb2', 'keepalived']}" in done.out
            assert site.plan()["summary"]["change"] == 0, "a package on hold is installed"
            site.sh("lb2", "apt-mark unhold keepalived")
            assert (versions(site), pids(site)) == (was, before)

    def test_sources_that_cannot_be_asked(self, site: Site) -> None:
        site.sh("lb2", "mv /srv/apt /srv/apt.away")
        try:
            done = site.lbctl("upgrade", "--yes")
        finally:
            site.sh("lb2", "mv /srv/apt.away /srv/apt")
        assert "lb2: apt-get update failed, so its candidates may be old" in done.out


class TestCutOff:
    def test_killed_the_node_gets_its_old_version_by_itself(self, site: Site) -> None:
        was, before = versions(site), pids(site)
        with offered(site, DAEMONS, "+lab6"):
            self.killed(site, "verify")
            assert versions(site) == raised(was, DAEMONS, ["lb3"], "+lab6")
            seconds = eventually(lambda: "lb3" not in site.left_behind(), WITHIN + 30)
            tell(f"lb3 had its old versions {seconds:.1f} s after lbctl was killed")
            assert versions(site) == was and site.listens("lb3")
            assert new(before, pids(site)) <= {("lb3", unit) for unit in DAEMONS}
            assert site.holders() == ("lb1",) and site.plan()["changes"] == []
        self.goes_on(site)

    def test_a_node_that_boots_in_the_middle(self, site: Site) -> None:
        was = versions(site)
        with offered(site, DAEMONS, "+lab7"):
            self.killed(site, "verify")
            site.lab.power_cut("lb3")
            site.lab.start("lb3")
            seconds = eventually(lambda: "lb3" not in site.left_behind() and versions(site) == was, 60)
            tell(f"lb3 had its old versions {seconds:.1f} s after it had booted")
            eventually(lambda: site.listens("lb3"), 20)
            assert site.answers() == list(PORTS) and site.plan()["changes"] == []
        self.goes_on(site)

    def goes_on(self, site: Site) -> None:
        """The next apply, which takes away what was staged on the nodes that had no turn."""
        site.write(four(site.text))
        site.apply()
        assert site.left_behind() == {}

    def killed(self, site: Site, step: str) -> None:
        """While lb3 is in this step."""
        process = site.start("upgrade", "--yes", "--json", "--confirm-within", str(WITHIN))
        run_until(process, "started", step, "lb3")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
