"""What goes wrong on a node in mid-apply: it is undone, the others are left alone, and told how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.conftest import Labs
from tests.lab.job.steps import (
    HEAT,
    NODES,
    NOTE,
    PORTS,
    Site,
    cluster_text,
    four,
    interrupt,
    make_site,
    run_until,
    with_files,
)

pytestmark = pytest.mark.lab

GUARD = "[Service]\\nExecStartPre=/usr/bin/test ! -e /run/refused\\n"
DROP_IN = "/etc/systemd/system/{0}.service.d/guard.conf"
GUARDED = '{1}: {{content: "' + GUARD + '", after: restart {0}}}'


@contextmanager
def port_taken(site: Site, node: str, port: int) -> Iterator[None]:
    """Another process has the port on every address of the node."""
    site.sh(node, f"systemd-run -q --unit=taken socat TCP-LISTEN:{port},fork EXEC:true")
    try:
        yield
    finally:
        site.sh(node, "systemctl stop taken; systemctl reset-failed taken 2>/dev/null; :")


def snapshots(site: Site) -> dict[str, str]:
    return {node: site.snapshot(node) for node in NODES}


def says_how_to_go_on(said: str) -> bool:
    return all(words in said for words in ("continue:", "go back everywhere:", "leave it:"))


class TestOnlyOneNodeFails:
    def test_a_port_that_is_taken(self, site: Site) -> None:
        before = snapshots(site)
        site.write(site.text.replace(*HEAT))
        with port_taken(site, "lb3", 8004):
            done = site.lbctl("apply", "--yes", code=3)
            assert snapshots(site) == before
            assert site.left_behind() == {}
            assert site.answers() == list(PORTS) and site.listens("lb3")
            assert "lb3" in done.out and "could not reload" in done.out
            assert says_how_to_go_on("\n".join(done.out.splitlines()[-8:])), done.out
            assert site.holders() == ("lb1",)
        again = site.apply()
        assert again.report["code"] == 0
        assert site.answers(ports=(8004,)) == [8004]

    def test_the_second_node_leaves_the_first_as_it_is(self, site: Site) -> None:
        before = snapshots(site)
        site.write(site.text.replace(*HEAT))
        with port_taken(site, "lb2", 8004):
            report = site.apply(code=3).report
            after = snapshots(site)
        assert {node["node"]: node["what"] for node in report["nodes"]} == (
            {"lb1": "unchanged", "lb2": "undone", "lb3": "changed"}
        )
        assert all(node["serving"] for node in report["nodes"])
        assert (
            after["lb3"] != before["lb3"] and after["lb2"] == before["lb2"] and after["lb1"] == before["lb1"]
        )
        plan = site.plan()
        assert plan["order"] == ["lb2", "lb1"]

    @pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
    def test_a_daemon_that_does_not_come_up(self, site: Site, unit: str) -> None:
        before = snapshots(site)
        site.write(with_files(site.text, GUARDED.format(unit, DROP_IN.format(unit))))
        site.sh("lb3", "touch /run/refused")
        report = site.apply(code=3).report
        site.sh("lb3", "rm /run/refused")
        assert snapshots(site) == before
        assert site.sh("lb3", f"systemctl show -p ExecStartPre {unit}").count("refused") == 0
        assert site.listens("lb3")
        assert all(node["serving"] for node in report["nodes"])
        assert says_how_to_go_on("\n".join(report["advice"]))
        assert site.apply().report["code"] == 0

    def test_on_bare_nodes(self, labs: Labs, tmp_path_factory: pytest.TempPathFactory) -> None:
        name = f"bare-{labs.prefix()}"
        lb3 = "  lb3: {{address: 10.15.85.34, priority: 100}}\n".format()
        bare = make_site(tmp_path_factory.mktemp("bare"), name, cluster_text(name, (lb3, "")), labs.up)
        bare.write(cluster_text(name, (lb3, "")))
        _stopped_while_installing(bare)
        with port_taken(bare, "lb2", 5000):
            done = bare.apply(code=3)
            states = bare.sh("lb2", "systemctl is-active haproxy keepalived", check=False)
            assert states == "inactive\ninactive"
            assert bare.sh("lb1", "systemctl is-active haproxy", check=False) == "inactive"
            assert (
                bare.sh("lb2", "ls /var/lib/lbctl/armed /etc/keepalived/keepalived.conf", check=False) == ""
            )
            assert says_how_to_go_on("\n".join(done.report["advice"]))
            assert {n["node"]: n["what"] for n in done.report["nodes"]} == {
                "lb1": "unchanged",
                "lb2": "undone",
            }
        assert bare.apply().report["code"] == 0
        assert bare.answers() == list(PORTS)
        labs.down(bare.lab)


def _stopped_while_installing(bare: Site) -> None:
    """Ctrl-C: the packages are installed whole, no service runs, and nothing holds them back any more."""
    process = bare.start("apply", "--yes", "--json")
    run_until(process, "started", "install", "lb2")
    interrupt(process)
    process.communicate(timeout=200)
    assert process.returncode == 3
    for node in ("lb1", "lb2"):
        assert bare.sh(node, "dpkg --audit; ls /usr/sbin/policy-rc.d", check=False) == ""
        assert bare.sh(node, "dpkg-query -W -f '${db:Status-Status}' keepalived") == "installed"
        assert bare.sh(node, "systemctl is-active haproxy", check=False) == "inactive"


class TestRefused:
    def test_a_file_that_is_a_link(self, site: Site) -> None:
        site.sh("lb2", f"mv {NOTE} /opt/elsewhere; ln -s /opt/elsewhere {NOTE}")
        site.write(four(site.text))
        before = snapshots(site)
        refused = site.lbctl("apply", "--yes", code=1)
        assert "symbolic link" in refused.out + refused.err
        assert snapshots(site) == before
        assert site.lbctl("drift", code=4).out.count("symbolic link") == 1
        site.sh("lb2", f"mv -T /opt/elsewhere {NOTE}")

    @pytest.mark.parametrize(
        ("folder", "code"),
        [pytest.param("/etc/haproxy", 3, id="etc"), pytest.param("/var/lib/lbctl", 1, id="var")],
    )
    def test_a_full_disk(self, site: Site, folder: str, code: int) -> None:
        site.write(four(site.text))
        with full(site, "lb3", folder):
            before = snapshots(site)
            done = site.apply(code=code)
            assert "is the disk full?" in done.out
            assert snapshots(site) == before
            assert site.listens("lb3")
        assert site.left_behind() == {}
        assert site.apply().report["code"] == 0


@contextmanager
def full(site: Site, node: str, folder: str) -> Iterator[None]:
    """A small file system over the folder, with what was in it, and full to the last page."""
    site.sh(
        node,
        f"""set -e; cp -a {folder} /root/kept
        mount -t tmpfs -o size=512k,mode=0755 tmpfs {folder}
        cp -a /root/kept/. {folder}/; diff -r /root/kept {folder}; rm -r /root/kept
        for size in 64k 4k 1; do
            dd if=/dev/zero bs=$size of={folder}/fill oflag=append conv=notrunc 2>/dev/null || :
        done""",
    )
    try:
        yield
    finally:
        site.sh(node, f"umount -l {folder}")
