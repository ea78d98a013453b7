"""Drift on all layers, on real daemons: what the files say, what was read of them, and what runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.job.conftest import First
from tests.lab.job.steps import ALLOW_ALL, NODES, VIP, Site, eventually, tell
from tests.lab.job.test_restart import DAEMONS
from tests.lab.job.test_upgrade import offered

pytestmark = [pytest.mark.lab, pytest.mark.timeout(290)]

HAPROXY, KEEPALIVED = "/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf"
MAP, RENEWED = "/etc/haproxy/names.map", "/etc/haproxy/renewed.pem"
LIMITS, SETTINGS = "/etc/systemd/system/haproxy.service.d/limits.conf", "/etc/sysctl.d/70-own.conf"
FILES = f"""\
  {MAP}: {{content: "a b\\n", after: reload haproxy}}
  {RENEWED}: {{content: "one\\n", after: reload haproxy, watch: false}}
  {LIMITS}: {{content: "[Service]\\nLimitCORE=0\\n", after: restart haproxy}}
  {SETTINGS}: {{content: "net.ipv4.tcp_fin_timeout = 30\\n"}}
"""
# by the file's own words, and by another server, these are in maintenance
ASIDE = """\
  config: |
    backend aside
        server off 10.15.85.141:5000 check disabled
        server on 10.15.85.142:5000 check
        server follows 10.15.85.142:5000 track aside/off
"""
TOUCHED = f"touch {HAPROXY} {KEEPALIVED} {MAP} {LIMITS}; chmod 644 {MAP}; :"
SOCKET = "UNIX-CONNECT:/run/haproxy/admin.sock"
Finding = tuple[str, str]


def text(site: Site) -> str:
    return site.text.replace("files:\n", ASIDE + "files:\n") + FILES


def found(site: Site, code: int = 0) -> dict[Finding, str]:
    """What drift says, by what it is and where; `code` is its exit code."""
    done = site.lbctl("drift", "--json", code=code).document
    assert done["code"] == code
    return {(item["what"], item["address"]): item["text"] for item in done["items"]}


def quiet(site: Site) -> None:
    said = site.lbctl("drift")
    assert (said.out, said.err) == ("", "")


@pytest.fixture(scope="module")
def applied(first: First) -> Iterator[Site]:
    """The usual cluster, and a file of each sort that a daemon reads."""
    site = first.site
    site.base()
    site.write(text(site))
    site.apply("--allow", ALLOW_ALL)
    for node in NODES:
        site.sh(node, f"sysctl -q -p {SETTINGS}")
    yield site
    for node in NODES:
        site.sh(node, "sysctl -qw net.ipv4.tcp_fin_timeout=60")
    site.base()


@pytest.fixture
def layered(applied: Site) -> Iterator[Site]:
    """Each test leaves it as it was, and drift silent."""
    eventually(lambda: applied.holders() == ("lb1",), 20)
    yield applied
    eventually(lambda: applied.holders() == ("lb1",), 20)
    quiet(applied)


def other(site: Site, node: str, path: str, old: str, new: str) -> None:
    """Somebody edits a file."""
    site.sh(node, f"grep -q '{old}' {path} && sed -i 's/{old}/{new}/' {path}")


def load(site: Site, node: str, unit: str = "haproxy") -> None:
    """A reload, and the time until HAProxy's new worker is there."""
    script = f"was=$(pgrep -n -x {unit}); systemctl reload {unit}; polls=100; "
    if unit == "haproxy":
        script += "until [ $polls = 0 ] || [ $(pgrep -n -x haproxy) != $was ]; do "
        script += "sleep 0.1; polls=$((polls - 1)); done; "
    site.sh(node, f"{script}sleep 0.5")


def tell_haproxy(site: Site, node: str, *words: str) -> None:
    for word in words:
        said = site.sh(node, f"echo '{word}' | socat -t 5 - {SOCKET}").strip()
        assert said in ("", "New server registered.")


class TestNothingIsSaid:
    def test_after_an_apply(self, layered: Site) -> None:
        quiet(layered)
        assert layered.lbctl("drift", "--json").document["items"] == []

    def test_of_files_that_were_touched(self, layered: Site) -> None:
        """Right after the apply, and of processes that began since."""
        for begin in ("", "systemctl reload haproxy keepalived"):
            for node in NODES:
                layered.sh(node, f"{begin or ':'}; sleep 0.2; {TOUCHED}")
            quiet(layered)

    def test_of_what_another_program_renews(self, layered: Site) -> None:
        layered.put("lb1", RENEWED, "two\n")
        quiet(layered)

    def test_after_a_reboot(self, layered: Site) -> None:
        layered.lab.reboot("lb3")
        eventually(lambda: layered.listens("lb3"), 40)
        quiet(layered)
        layered.sh("lb3", TOUCHED.replace(LIMITS, ""))
        quiet(layered)

    def test_after_a_restart(self, layered: Site) -> None:
        layered.lbctl("restart", "haproxy", "keepalived", "lb2", "--yes")
        quiet(layered)
        layered.sh("lb2", TOUCHED)
        quiet(layered)


class TestUnloaded:
    @pytest.mark.parametrize(
        ("unit", "path", "old", "new"),
        [
            ("haproxy", HAPROXY, "maxconn 10000", "maxconn 9999"),
            ("keepalived", KEEPALIVED, "rise 2", "rise 3"),
            ("haproxy", MAP, "a b", "a c"),
        ],
    )
    def test_an_edit_and_a_reload(self, layered: Site, unit: str, path: str, old: str, new: str) -> None:
        file = f"lb2/file{path}"
        other(layered, "lb2", path, old, new)
        said = found(layered, 2)
        assert {("drift", file), ("unloaded", file)} <= set(said)
        assert f"systemctl reload {unit} loads it" in said["unloaded", file]
        load(layered, "lb2", unit)
        assert ("unloaded", file) not in found(layered, 2)
        other(layered, "lb2", path, new, old)
        quiet_or_by_name = found(layered, 0)
        assert quiet_or_by_name == {}  # what was read nobody noted, and no time is drift
        load(layered, "lb2", unit)

    def test_what_an_apply_only_records_nobody_loads(self, layered: Site) -> None:
        """The record and the file agree, and the daemon was never told."""
        for node in NODES:
            other(layered, node, HAPROXY, "maxconn 10000", "maxconn 9999")
        layered.write(text(layered).replace("maxconn 10000", "maxconn 9999"))
        assert {change["action"] for change in layered.plan()["changes"]} == {"record"}
        layered.apply()
        said = found(layered, 2)
        assert set(said) == {("unloaded", f"{node}/file{HAPROXY}") for node in NODES}
        for_people = layered.lbctl("drift", code=2).out
        assert "On disk, not loaded by the daemon" in for_people and "lb1, lb2, lb3" in for_people
        tell(for_people)
        for node in NODES:
            load(layered, node)
        quiet(layered)
        layered.write(text(layered))
        layered.apply()

    def test_a_reload_that_failed(self, layered: Site) -> None:
        file = f"lb3/file{HAPROXY}"
        other(layered, "lb3", HAPROXY, "mode http", "mode nonsense")
        layered.sh("lb3", "systemctl kill --kill-who=main -s USR2 haproxy; sleep 2")
        assert {("drift", file), ("unloaded", file)} <= set(found(layered, 2))
        other(layered, "lb3", HAPROXY, "mode nonsense", "mode http")
        quiet(layered)
        load(layered, "lb3")

    def test_a_server_that_runs_and_is_no_more_in_the_file(self, layered: Site) -> None:
        """Edited, loaded, put back: HAProxy's own word."""
        layered.sh("lb3", f"cp -p {HAPROXY} /root/kept")
        line = "    server more 10.15.85.143:5000"
        layered.sh("lb3", f"sed -i '/server on /a\\{line}' {HAPROXY}")
        load(layered, "lb3")
        layered.sh("lb3", f"cp -p /root/kept {HAPROXY}")
        assert found(layered, 2) == {
            ("unloaded", f"lb3/file{HAPROXY}"): "haproxy runs with aside/more, which the file has not; "
            "systemctl reload haproxy loads it"
        }
        load(layered, "lb3")

    def test_a_drop_in(self, layered: Site) -> None:
        unit, file = ("unloaded", "lb3/service/haproxy"), ("unloaded", f"lb3/file{LIMITS}")
        other(layered, "lb3", LIMITS, "LimitCORE=0", "LimitCORE=1")
        assert {unit, file} <= set(found(layered, 2))
        layered.sh("lb3", "systemctl daemon-reload")
        said = found(layered, 2)
        assert unit not in said and "systemctl restart haproxy loads it" in said[file]
        layered.sh("lb3", "systemctl restart haproxy; sleep 1")
        assert file not in found(layered, 2)
        layered.apply("--allow", "drift")

    def test_a_setting_that_is_not_in_force(self, layered: Site) -> None:
        layered.sh("lb2", "sysctl -qw net.ipv4.tcp_fin_timeout=31")
        words = "net.ipv4.tcp_fin_timeout is 31, and a boot would set 30: sysctl --system"
        assert found(layered, 2) == {("unloaded", f"lb2/file{SETTINGS}"): words}
        layered.sh("lb2", f"sysctl -q -p {SETTINGS}")

    def test_another_program(self, layered: Site) -> None:
        for unit in DAEMONS:
            program = f"/usr/sbin/{unit}"
            layered.sh("lb3", f"cp -p {program} /root/kept; cp -p {program} /root/new; echo >>/root/new")
            layered.sh("lb3", f"mv /root/new {program}")
            said = found(layered, 2)
            assert set(said) == {("unloaded", f"lb3/service/{unit}")}
            assert f"than the one installed in {program}" in said["unloaded", f"lb3/service/{unit}"]
            layered.sh("lb3", f"mv /root/kept {program}")
            quiet(layered)  # the same bytes, whatever file they are in


class TestServers:
    def test_taken_out_on_all_nodes(self, layered: Site) -> None:
        server = "cinder-api/mesa-virt-02"
        for node in NODES:
            tell_haproxy(layered, node, f"set server {server} state maint")
        said = found(layered)
        assert set(said) == {("operational", f"{node}/server/mesa-virt-02") for node in NODES}
        assert set(said.values()) == {f"MAINT, set at run time: {server}"}
        assert "lb1, lb2, lb3" in layered.lbctl("drift").out
        for node in NODES:
            tell_haproxy(layered, node, f"set server {server} state ready")

    @pytest.mark.parametrize(
        ("what", "back", "said"),
        [
            ("state drain", "state ready", "DRAIN, set at run time"),
            ("weight 50%", "weight 100%", "weight 0 where the file says 1, set at run time"),
        ],
    )
    def test_on_one_node_alone(self, layered: Site, what: str, back: str, said: str) -> None:
        servers = [f"{backend}/mesa-virt-01" for backend in ("cinder-api", "quantum-api")]
        tell_haproxy(layered, "lb2", *(f"set server {server} {what}" for server in servers))
        (words,) = (words for (kind, _), words in found(layered).items() if kind == "differs")
        tell(words)
        assert (
            "set at run time: cinder-api/mesa-virt-01, quantum-api/mesa-virt-01; not so on lb1, lb3" in words
        )
        assert words.startswith(said.partition(" ")[0])
        tell_haproxy(layered, "lb2", *(f"set server {server} {back}" for server in servers))

    def test_added_at_run_time(self, layered: Site) -> None:
        added = "aside/added"
        tell_haproxy(layered, "lb2", f"add server {added} 10.15.85.143:5000")
        assert found(layered) == {
            ("operational", f"lb2/file{HAPROXY}"): f"haproxy runs with {added}, which the file has not: "
            "somebody changed that at run time"
        }
        load(layered, "lb2")


@contextmanager
def without_keepalived(site: Site, how: str, *nodes: str) -> Iterator[None]:
    try:
        for node in nodes:
            site.sh(node, how)
        yield
    finally:
        for node in nodes:
            site.sh(node, "systemctl reset-failed keepalived; systemctl start keepalived", check=False)


def of_vip(said: dict[Finding, str]) -> dict[Finding, str]:
    return {finding: words for finding, words in said.items() if "/vip/" in finding[1]}


class TestHolders:
    def test_two(self, layered: Site) -> None:
        # stopped at once: systemd starts it again 0.1 s after it was killed
        killed = "systemctl kill -s KILL keepalived; systemctl stop keepalived"
        with without_keepalived(layered, killed, "lb1"):
            eventually(lambda: set(layered.holders()) == {"lb1", "lb2"}, 10)
            said = of_vip(found(layered, 2))
            assert set(said) == {("holders", f"{node}/vip/{VIP}") for node in ("lb1", "lb2")}
            assert said["holders", f"lb2/vip/{VIP}"] == "2 nodes hold it: lb1, lb2"
            assert said["holders", f"lb1/vip/{VIP}"].startswith(
                "2 nodes hold it: lb1, lb2; keepalived does not"
            )

    def test_none(self, layered: Site) -> None:
        with without_keepalived(layered, "systemctl stop keepalived", *NODES):
            said = of_vip(found(layered, 2))
            assert said == {
                ("holders", f"{node}/vip/{VIP}"): "no node holds it: keepalived runs on none"
                for node in NODES
            }

    def test_a_lower_node(self, layered: Site) -> None:
        layered.lbctl("drain", "lb1", "--reason", "disk")
        said = found(layered)
        here, lb1, lb2 = ("operational", f"lb2/vip/{VIP}"), "lb1 (112)", "111"
        assert said[here] == f"it is here, where the priority is {lb2}, because {lb1} is drained"
        assert {what for what, _ in said} == {"operational", "note"}
        layered.lbctl("undrain", "lb1")


class TestCounters:
    def test_every_keepalived_lives_on(self, layered: Site) -> None:
        before = {node: layered.pids(node, "keepalived") for node in NODES}
        said = layered.lbctl("drift", "--counters")
        assert (said.out, said.err) == ("", "")
        tell(f"drift --counters {said.seconds:.1f} s")
        for node in NODES:
            assert layered.sh(node, "ls /tmp/keepalived.json", check=False) == ""
            assert layered.pids(node, "keepalived") == before[node]
        assert layered.holders() == ("lb1",)

    def test_nodes_that_refuse_each_other(self, layered: Site) -> None:
        layered.sh("lb3", f"cp -p {KEEPALIVED} /root/kept")
        other(layered, "lb3", KEEPALIVED, "10.15.85.31", "10.15.85.31; 10.15.85.39")
        layered.sh("lb3", f"tr ';' '\\n' <{KEEPALIVED} >/root/new; cat /root/new >{KEEPALIVED}")
        try:
            layered.sh("lb3", "systemctl reload keepalived; sleep 6")
            done = layered.lbctl("drift", "--counters", "--json", code=2).document
            found = [item for item in done["items"] if item["what"] == "counters"]
            tell(*(f"{item['address']}: {item['text']}" for item in found))
            assert "lb3/vrrp_instance/openstack-vip" in {item["address"] for item in found}
            assert all("addr_list_err" in item["text"] for item in found)
        finally:
            layered.sh("lb3", f"cp -p /root/kept {KEEPALIVED}; systemctl reload keepalived; sleep 6")


def test_what_it_costs(layered: Site) -> None:
    """Drift asks more than a plan: of how much longer it takes whoever runs the tests is told."""
    plan, drift = (
        min(layered.lbctl(command, "--json").seconds for _ in range(5)) for command in ("plan", "drift")
    )
    tell(f"plan {plan:.2f} s, drift {drift:.2f} s")
    assert drift < 2 * plan


class TestVersions:
    def test_an_upgrade_of_one_node_and_of_the_others(self, layered: Site) -> None:
        with offered(layered, DAEMONS, "+layers"):
            layered.lbctl("upgrade", "--node", "lb3", "--yes")
            said = found(layered)
            assert set(said) == {("differs", f"lb3/package/{name}") for name in DAEMONS}
            assert all("+layers, and " in words and "on lb1, lb2" in words for words in said.values())
            layered.lbctl("upgrade", "--yes")
            quiet(layered)
        layered.lbctl("restart", "haproxy", "keepalived", "--yes")
