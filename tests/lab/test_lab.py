"""The lab itself: what every other test here stands on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.errors import InputError, LabError, LocalError
from lbctl.lab import (
    Lab,
    LabBastion,
    LabClient,
    LabController,
    LabLink,
    LabNetwork,
    LabNode,
    LabRouter,
    LabSpec,
    down,
    find,
)
from lbctl.lab.demolish import leftovers
from lbctl.lab.status import status
from tests.lab.conftest import PORTS, VIP, Labs, guide_spec

pytestmark = pytest.mark.lab

CLI = "import sys; from lbctl.cli.lab import app; app(sys.argv[1:])"
KEEPALIVED = """
vrrp_instance vip {
    state BACKUP
    interface eth0
    virtual_router_id 47
    priority %d
    advert_int 1
    virtual_ipaddress {
        %s
    }
}
"""
HAPROXY = """
global
    daemon
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen all
    bind :5000
    server c1 10.15.85.141:5000 check
    server c2 10.15.85.142:5000 check
"""


def ssh(lab: Lab, name: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(lab.ssh_config), "-o", "BatchMode=yes", *options, name, command]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def cli(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", CLI, *words]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, env=env)


def write(lab: Lab, name: str, path: str, text: str) -> None:
    lab.exec(name, ["sh", "-c", 'cat >"$1"', "sh", path], stdin=text.encode())


def boot_id(lab: Lab, name: str) -> str:
    return lab.sh(name, "cat /proc/sys/kernel/random/boot_id")


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def held_by(lab: Lab, *names: str) -> Callable[[], bool]:
    """Whether these nodes and no others hold the VIP."""
    return lambda: status(lab).holders(VIP) == names


@pytest.fixture(scope="module")
def pair(labs: Labs) -> Lab:
    lab = labs.up(guide_spec(nodes=guide_spec().nodes[:2]))
    for node, priority in (("lb1", 102), ("lb2", 101)):
        assert lab.exec(node, ["sh", "-c", "command -v haproxy keepalived"], check=False).status != 0
        lab.sh(node, "apt-get install -y -q haproxy keepalived 2>&1")
        write(lab, node, "/etc/keepalived/keepalived.conf", KEEPALIVED % (priority, VIP))
        write(lab, node, "/etc/haproxy/haproxy.cfg", HAPROXY)
        lab.sh(node, "systemctl restart haproxy keepalived")
    return lab


class TestUp:
    def test_every_node_answers_by_its_name(self, labs: Labs) -> None:
        lab = labs.guide()
        for node in lab.spec.nodes:
            done = ssh(lab, node.name, "hostname; id -un; systemctl is-system-running")
            assert done.stdout.split() == [node.name, "root", "running"], done.stderr

    def test_nothing_of_it_is_on_the_machines_own_network(self, labs: Labs) -> None:
        labs.guide()
        own = subprocess.run(["ip", "-br", "address"], capture_output=True, text=True, check=True).stdout
        routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
        assert "10.15.85." not in own + routes
        assert "vrrp" not in own and "p0.0" not in own

    def test_a_second_up_changes_nothing(self, labs: Labs) -> None:
        lab = labs.guide()
        before = [boot_id(lab, node.name) for node in lab.spec.nodes]
        Lab.up(lab.spec)
        assert [boot_id(lab, node.name) for node in lab.spec.nodes] == before

    def test_another_lab_cannot_have_its_prefix(self, labs: Labs) -> None:
        lab = labs.guide()
        with pytest.raises(LabError, match="another lab is up"):
            Lab.up(replace(lab.spec, nodes=lab.spec.nodes[:2]))
        assert find(lab.spec.prefix)

    def test_it_is_found_by_prefix_and_by_cluster(self, labs: Labs) -> None:
        lab = labs.up(guide_spec(cluster="elsewhere", nodes=guide_spec().nodes[:1], controllers=()))
        assert Lab.find("elsewhere") == lab
        assert Lab.find(lab.spec.prefix) == lab
        found = find("elsewhere")
        assert found is not None and found.ssh_config == lab.ssh_config
        labs.down(lab)
        assert find("elsewhere") is None

    def test_two_labs_with_the_same_addresses(self, labs: Labs) -> None:
        lab = labs.guide()
        other = labs.up(lab.spec)
        write(other, "lb1", "/root/mark", "other")
        assert ssh(other, "lb1", "cat /root/mark").stdout == "other"
        assert ssh(lab, "lb1", "ls /root/mark").returncode != 0
        labs.down(other)
        assert ssh(lab, "lb1", "hostname").stdout == "lb1\n"

    def test_what_cannot_be_built_is_refused_with_every_reason(self) -> None:
        spec = guide_spec(prefix="Too-Long-Prefix", vips=("nonsense",))
        with pytest.raises(InputError) as caught:
            Lab.up(spec)
        assert len(caught.value.problems) == 2


class TestDown:
    def test_it_leaves_nothing_and_twice_is_harmless(self, labs: Labs) -> None:
        lab = labs.up(guide_spec())
        prefix = lab.spec.prefix
        assert leftovers(prefix)
        labs.down(lab)
        assert leftovers(prefix) == []
        assert processes(prefix) == []
        down(prefix)
        assert leftovers(prefix) == []

    @pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.8])
    def test_after_a_killed_up(self, labs: Labs, after: float) -> None:
        labs.guide()  # the image is there
        prefix = labs.prefix()
        with making(prefix) as child:
            within(20, Path(f"/run/lbctl/lab/{prefix}").exists)
            time.sleep(after)
            child.send_signal(signal.SIGKILL)
        down(prefix)
        assert leftovers(prefix) == []
        assert processes(prefix) == []

    def test_what_a_killed_up_had_begun(self, labs: Labs, tmp_path: Path) -> None:
        """A slow machine: the namespace would be made after all was taken away."""
        labs.guide()
        prefix = labs.prefix()
        begun = tmp_path / "begun"
        slow = tmp_path / "ip"
        last = f"lbctl-{prefix}-mesa-virt-03"
        slow.write_text(
            f'#!/bin/sh\n[ "$1 $2 $3" = "netns add {last}" ] && {{ >{begun}; sleep 1; }}\n'
            f'exec {shutil.which("ip")} "$@"\n'
        )
        slow.chmod(0o755)
        with making(prefix, PATH=f"{tmp_path}:{os.environ['PATH']}") as child:
            within(20, begun.exists)
            child.send_signal(signal.SIGKILL)
        down(prefix)
        time.sleep(1.5)
        assert leftovers(prefix) == []
        assert processes(prefix) == []

    def test_a_killed_image_build_leaves_no_process_and_no_image(self, tmp_path: Path) -> None:
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "XDG_CACHE_HOME": str(tmp_path)}
        script = tmp_path / "image.sh"
        script.write_text('mkdir -p "$1/proc"; mount -t proc proc "$1/proc"; >"$1/mounted"; sleep 300 & wait')
        code = "import pathlib, sys; from lbctl.lab import image; image.SCRIPT = pathlib.Path(sys.argv[1]);"
        code += "image.ensure(image.Recipe(), lambda line: None)"
        with subprocess.Popen([sys.executable, "-c", code, str(script)], env=env) as child:
            within(20, lambda: bool(list(tmp_path.glob("lbctl/images/.*.part/mounted"))))
            assert len(processes(str(tmp_path))) > 2
            child.send_signal(signal.SIGKILL)
        within(5, lambda: not processes(str(tmp_path)))
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
        assert list(tmp_path.glob("lbctl/images/bookworm-*[0-9a-f]")) == []


class TestExec:
    def test_status_input_and_environment(self, labs: Labs) -> None:
        lab = labs.guide()
        assert lab.exec("lb1", ["cat"], stdin=b"\x00\xff").stdout == b"\x00\xff"
        with pytest.raises(LocalError):
            lab.exec("lb1", ["false"])
        assert lab.exec("lb1", ["sh", "-c", "exit 7"], check=False).status == 7
        names = {line.partition("=")[0] for line in lab.sh("lb1", "env").splitlines()}
        assert names <= {"PATH", "TERM", "HOME", "LANG", "PWD", "_", "SHLVL"}

    def test_in_the_namespace_of_client_and_controller(self, labs: Labs) -> None:
        lab = labs.guide()
        assert "10.15.85.201/24" in lab.sh("client", "ip -br address")
        assert "10.15.85.142/24" in lab.sh("mesa-virt-02", "ip -br address")
        with pytest.raises(LabError, match="the lab has no lb9"):
            lab.exec("lb9", ["true"])

    def test_the_command_line_passes_everything_on(self, labs: Labs) -> None:
        lab = labs.guide()
        own = ("--prefix", lab.spec.prefix)
        assert cli("exec", *own, "lb2", "--", "sh", "-c", "exit 7").returncode == 7
        assert cli("exec", *own, "lb2", "--", "cat", stdin="hello").stdout == "hello"
        assert cli("exec", *own, "lb2", "ls", "-d", "/etc").stdout == "/etc\n"
        assert cli("ssh-config", *own).stdout == lab.ssh_config.read_text()
        told = json.loads(cli("status", *own, "--json").stdout)
        assert [machine["on"] for machine in told["machines"]] == [True] * 6


class TestCommandLine:
    def test_the_cluster_file_goes_up_and_down(self, labs: Labs) -> None:
        own = ("--prefix", labs.prefix())
        file = str(Path(__file__).parents[2] / "cluster.yaml")
        try:
            for _ in range(2):
                done = cli("up", "-f", file, *own)
                assert done.returncode == 0, done.stderr
            assert "lb3           node        up" in cli("status", *own).stdout
            assert cli("controller", "stop", *own, "mesa-virt-01").returncode == 0
            assert "mesa-virt-01  controller  off" in cli("status", *own).stdout
            assert cli("power", "cut", *own, "lb2").returncode == 0
            assert "lb2           node        off" in cli("status", *own).stdout
            assert cli("up", "-f", file, *own).returncode == 0
            assert "off" not in cli("status", *own).stdout
        finally:
            done = cli("down", *own)
        assert done.returncode == 0
        assert leftovers(own[1]) == []
        assert cli("status", *own).returncode != 0


class TestPower:
    def test_a_reboot_boots_again_and_applies_sysctls(self, labs: Labs) -> None:
        lab = labs.guide()
        before = boot_id(lab, "lb3")
        write(lab, "lb3", "/etc/sysctl.d/90-test.conf", "net.ipv4.ip_nonlocal_bind = 1\n")
        assert lab.sh("lb3", "sysctl -n net.ipv4.ip_nonlocal_bind") == "0"
        lab.reboot("lb3")
        assert boot_id(lab, "lb3") != before
        assert lab.sh("lb3", "sysctl -n net.ipv4.ip_nonlocal_bind") == "1"
        assert ssh(lab, "lb3", "hostname").stdout == "lb3\n"
        lab.sh("lb3", "rm /etc/sysctl.d/90-test.conf; sysctl -qw net.ipv4.ip_nonlocal_bind=0")

    def test_a_power_off_stays_off_until_up(self, labs: Labs) -> None:
        lab = labs.guide()
        lab.exec("lb3", ["systemctl", "poweroff"], check=False)
        within(10, lambda: not lab.is_on("lb3"))
        with pytest.raises(LabError, match="lb3 is off"):
            lab.exec("lb3", ["true"])
        assert ssh(lab, "lb3", "true", "-o", "ConnectTimeout=2").returncode == 255
        Lab.up(lab.spec)
        assert ssh(lab, "lb3", "hostname").stdout == "lb3\n"

    def test_a_power_cut_keeps_what_was_written(self, labs: Labs) -> None:
        lab = labs.guide()
        lab.sh("lb3", "echo kept >/root/kept; ip address add 10.15.85.99/32 dev eth0")
        Lab.up(lab.spec)
        lab.power_cut("lb3")  # at once: nothing that up started may boot it again
        assert not lab.is_on("lb3")
        time.sleep(0.5)
        assert not lab.is_on("lb3")
        lab.power_cut("lb3")
        lab.start("lb3")
        lab.start("lb3")
        assert lab.sh("lb3", "cat /root/kept") == "kept"
        assert "10.15.85.99" not in lab.sh("lb3", "ip address")

    def test_a_link_down_and_up_again(self, labs: Labs) -> None:
        lab = labs.guide()
        lab.link_down("lb3")
        assert ssh(lab, "lb3", "true", "-o", "ConnectTimeout=1").returncode == 255
        lab.link_up("lb3")
        assert ssh(lab, "lb3", "true").returncode == 0


class TestDaemons:
    """Real keepalived and HAProxy, installed from the repository inside the nodes."""

    def test_vrrp_multicast_and_failover(self, pair: Lab) -> None:
        within(10, held_by(pair, "lb1"))
        time.sleep(2)
        assert held_by(pair, "lb1")()  # lb2 hears lb1
        pair.power_cut("lb1")
        within(6, held_by(pair, "lb2"))
        pair.start("lb1")
        within(10, held_by(pair, "lb1"))

    def test_load_through_the_vip_without_a_failure(self, pair: Lab) -> None:
        within(10, held_by(pair, "lb1"))
        with pair.load(targets=[f"{VIP}:5000"], seconds=20, clients=12, pause=0.005) as load:
            time.sleep(2)
            pair.sh("lb1", "systemctl reload haproxy")
            time.sleep(2.5)
        assert load.report.failed == 0, load.report.lines()
        assert set(load.report.kinds) == {"new", "keep-alive", "slow"}

    def test_a_stopped_haproxy_is_told_as_refused(self, pair: Lab) -> None:
        with pair.load(targets=[f"{VIP}:5000"], kinds=["new"], seconds=20, clients=4, pause=0.01) as load:
            time.sleep(0.5)
            pair.sh("lb1", "systemctl stop haproxy; sleep 0.5; systemctl start haproxy")
            time.sleep(0.5)
        assert load.report.errors.get("refused", 0) > 0
        assert load.report.longest_gap > 0.4

    def test_upgrade_and_downgrade_are_real(self, pair: Lab) -> None:
        versions = pair.sh("lb2", "apt-cache madison haproxy | cut -d '|' -f 2").split()
        if len(versions) < 2:
            pytest.skip("the mirrors have one version of haproxy only")
        assert pair.sh("lb2", "dpkg-query -W -f '${Version}' haproxy") == versions[0]
        pair.sh("lb2", f"apt-get install -y -q --allow-downgrades haproxy={versions[-1]} 2>&1")
        assert pair.sh("lb2", "dpkg-query -W -f '${Version}' haproxy") == versions[-1]
        assert "haproxy" in pair.sh("lb2", "apt-get -s upgrade | grep ^Inst")

    def test_nft_duplicates_packets(self, pair: Lab) -> None:
        rules = "table ip t { chain pre { type filter hook prerouting priority -310;\n"
        rules += "ip daddr 10.15.85.77 dup to 10.15.85.32 device eth0\nct state invalid drop\n}\n}\n"
        pair.exec("lb2", ["nft", "-f", "-"], stdin=rules.encode())
        assert "dup to" in pair.sh("lb2", "nft list ruleset")
        pair.sh("lb2", "nft delete table ip t")


class TestControllers:
    def test_they_carry_sixty_clients(self, labs: Labs) -> None:
        lab = labs.guide()
        targets = [f"10.15.85.141:{port}" for port in PORTS]
        with lab.load(targets=targets, clients=60, seconds=3) as load:
            report = load.wait()
        assert report.failed == 0, report.lines()
        assert report.requests > 1000
        assert report.kinds["slow"].p50 == pytest.approx(2000, abs=300)

    def test_every_kind_of_request(self, labs: Labs) -> None:
        lab = labs.guide()
        kinds = ["new", "keep-alive", "slow", "idle", "upload", "download"]
        with lab.load(targets=["10.15.85.142:5000"], kinds=kinds, clients=6, seconds=6.5, pause=0.02) as load:
            report = load.wait()
        assert report.failed == 0, report.lines()
        assert set(report.kinds) == set(kinds)

    def test_a_stopped_one_refuses_and_comes_back(self, labs: Labs) -> None:
        lab = labs.guide()
        lab.controller_stop("mesa-virt-03")
        assert not lab.is_on("mesa-virt-03")
        with lab.load(targets=["10.15.85.143:5000"], kinds=["new"], seconds=1, clients=2) as load:
            report = load.wait()
        assert report.errors == {"refused": report.requests}
        lab.controller_start("mesa-virt-03")
        with lab.load(targets=["10.15.85.143:5000"], kinds=["new"], seconds=1, clients=2, pause=0.01) as load:
            assert load.wait().failed == 0

    def test_the_command_line_reports(self, labs: Labs) -> None:
        lab = labs.guide()
        words = ("--prefix", lab.spec.prefix, "--seconds", "0.5", "--pause", "0.01", "--kind", "new")
        good = cli("load", *words, "--target", "10.15.85.141:80", "--json")
        assert good.returncode == 1  # port 80 is none of its ports
        assert json.loads(good.stdout)["errors"]["refused"] > 0
        good = cli("load", *words, "--url", "http://10.15.85.141:5000/")
        assert good.returncode == 0, good.stderr
        assert "failed: 0" in good.stdout


class TestNetworks:
    def test_ipv6_only(self, labs: Labs) -> None:
        lab = labs.up(
            LabSpec(
                "x",
                (
                    LabNode("six1", ("fd00:15::32/64",)),
                    LabNode("six2", ("fd00:15::33/64",), interface="ens192"),
                ),
                controllers=(LabController("api", ("fd00:15::141/64",), (5000,)),),
                client=LabClient(("fd00:15::201/64",)),
                networks=(LabNetwork("vrrp", ("fd00:15::fe/64",)),),
                vips=("fd00:15::31",),
            )
        )
        assert ssh(lab, "six1", "hostname").stdout == "six1\n"
        assert "fd00:15::33/64" in lab.sh("six2", "ip -6 address show ens192")
        lab.sh("six1", "ip address add fd00:15::31/128 dev eth0 nodad")
        assert status(lab).holders("fd00:15::31") == ("six1",)
        with lab.load(targets=["[fd00:15::141]:5000"], kinds=["new"], seconds=1, pause=0.01) as load:
            assert load.wait().failed == 0
        labs.down(lab)

    def test_dual_stack_with_vips_outside_the_networks(self, labs: Labs) -> None:
        node = LabNode("dual", ("10.15.85.32/24", "fd00:15::32/64"))
        vips = (VIP, "203.0.113.10", "2001:db8::10")
        ends = ("10.15.85.254/24", "fd00:15::fe/64")
        client = LabClient(("10.15.85.201/24", "fd00:15::201/64"))
        lab = labs.up(LabSpec("x", (node,), client=client, networks=(LabNetwork("vrrp", ends),), vips=vips))
        for vip in vips:
            lab.sh("dual", f"ip address add {vip} dev eth0")
        assert status(lab).vips == vips
        assert all(status(lab).holders(vip) == ("dual",) for vip in vips)
        for target in ("203.0.113.10:22", "[2001:db8::10]:22"):
            assert lab.sh("client", f"socat -T1 - TCP:{target},connect-timeout=3 </dev/null").startswith(
                "SSH-"
            )
        labs.down(lab)

    def test_a_management_network_apart(self, labs: Labs) -> None:
        link = LabLink("mgmt", "mgmt0", ("192.168.77.11/24",))
        node = LabNode("lb1", ("10.15.85.32/24",), management=link, ssh_port=2222)
        networks = (LabNetwork("vrrp"), LabNetwork("mgmt", ("192.168.77.254/24",)))
        lab = labs.up(LabSpec("x", (node,), networks=networks))
        done = ssh(lab, "lb1", "echo $SSH_CONNECTION")
        assert done.stdout.split() == ["192.168.77.254", done.stdout.split()[1], "192.168.77.11", "2222"]
        labs.down(lab)

    def test_a_client_behind_a_router(self, labs: Labs) -> None:
        router = LabRouter(("10.15.85.1/24",), ("172.16.9.1/24",))
        spec = guide_spec(client=LabClient(("172.16.9.2/24",), router=router), nodes=guide_spec().nodes[:1])
        lab = labs.up(spec)
        with lab.load(targets=["10.15.85.141:5000"], kinds=["new"], seconds=1, pause=0.01) as load:
            assert load.wait().failed == 0
        lab.sh("lb1", f"ip address add {VIP} dev eth0")
        assert lab.sh("client", f"socat -T1 - TCP:{VIP}:22,connect-timeout=3 </dev/null").startswith("SSH-")
        labs.down(lab)

    def test_a_full_disk(self, labs: Labs) -> None:
        node = replace(guide_spec().nodes[0], disk_mb=20)
        lab = labs.up(guide_spec(nodes=(node,), controllers=()))
        done = lab.exec("lb1", ["dd", "if=/dev/zero", "of=/root/fill", "bs=1M", "count=40"], check=False)
        assert b"No space left" in done.stderr
        assert ssh(lab, "lb1", "hostname").stdout == "lb1\n"
        labs.down(lab)


class TestLogin:
    def test_an_unknown_or_changed_host_key_is_refused(self, labs: Labs) -> None:
        lab = labs.guide()
        lab.sh(
            "lb3",
            "cp -a /etc/ssh /etc/ssh.old; rm /etc/ssh/ssh_host*; ssh-keygen -q -A; systemctl restart ssh",
        )
        done = ssh(lab, "lb3", "true")
        assert done.returncode == 255 and "host key" in done.stderr.lower()
        lab.sh("lb3", "rm -r /etc/ssh; mv /etc/ssh.old /etc/ssh; systemctl restart ssh")
        assert ssh(lab, "lb3", "true").returncode == 0
        assert ssh(lab, "lb3", "true", "-o", "UserKnownHostsFile=/dev/null").returncode == 255

    def test_sudo_with_and_without_a_password(self, labs: Labs) -> None:
        first, second, third = guide_spec().nodes
        nodes = (
            replace(first, user="ops", become="sudo"),
            replace(second, user="ops", become="sudo-password", password="open sesame"),
            replace(third, user="plain"),
        )
        lab = labs.up(guide_spec(nodes=nodes, controllers=()))
        assert ssh(lab, "lb1", "id -un; sudo -n id -un").stdout.split() == ["ops", "root"]
        assert ssh(lab, "lb2", "sudo -n true").returncode != 0
        assert ssh(lab, "lb2", "echo 'open sesame' | sudo -S -p '' id -un").stdout == "root\n"
        assert ssh(lab, "lb2", "echo wrong | sudo -S -p '' id -un").returncode != 0
        assert ssh(lab, "lb3", "id -un").stdout == "plain\n"
        assert ssh(lab, "lb3", "sudo -n true").returncode != 0
        labs.down(lab)

    def test_only_through_the_bastion(self, labs: Labs) -> None:
        inside = LabLink("vrrp", "inside0", ("10.15.85.250/24",))
        bastion = LabBastion("192.0.2.1/24", "192.0.2.2/24", (inside,))
        lab = labs.up(guide_spec(bastion=bastion, nodes=guide_spec().nodes[:2], controllers=()))
        done = ssh(lab, "lb1", "hostname; echo $SSH_CONNECTION")
        assert done.stdout.split()[:2] == ["lb1", "10.15.85.250"], done.stderr
        around = lab.exec("net", ["socat", "-T1", "-", "TCP:10.15.85.32:22,connect-timeout=1"], check=False)
        assert around.status != 0
        lab.sh("bastion", "rm /etc/ssh/ssh_host*; ssh-keygen -q -A; systemctl restart ssh")
        done = ssh(lab, "lb1", "true")
        assert done.returncode == 255 and "host key" in done.stderr.lower()
        labs.down(lab)


def making(prefix: str, **environment: str) -> subprocess.Popen[bytes]:
    """A process that brings the guide's lab up."""
    code = "from tests.lab.conftest import guide_spec; from lbctl.lab import Lab; import sys;"
    code += "Lab.up(guide_spec(prefix=sys.argv[1]))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return subprocess.Popen([sys.executable, "-c", code, prefix], env=env)


def processes(word: str) -> list[str]:
    """The command lines of this machine that mention a word; zombies have none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\x00", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found
