"""What lint is told of a node that no file of the daemons says: from real nodes, and what happens there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lbctl.lab import Lab
from tests.lab.lint.proxies import NODES, VIP, Ground, eventually
from tests.lab.lint.selection import only_whole

pytestmark = pytest.mark.lab
CLUSTER = f"""\
cluster: {{name}}
lab: only
ssh: {{{{user: root}}}}
additions: []
nodes:
  lb1: {{{{address: {NODES["lb1"]}, priority: 101}}}}
  lb2: {{{{address: {NODES["lb2"]}, priority: 100}}}}
sysctl: {{{{net.ipv4.ip_nonlocal_bind: 1}}}}
haproxy: {{{{file: haproxy.cfg}}}}
keepalived: {{{{file: keepalived.conf}}}}
"""
HEAD = """\
global
    stats socket /run/haproxy/admin.sock mode 660 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
"""
MANY = f"frontend many\n    bind {VIP}:80\n    maxconn 10000\n    http-request return status 200\n"
ELSEWHERE = f"frontend here\n    bind {VIP}:80\n    default_backend elsewhere\n"
PIECE = "backend elsewhere\n    http-request return status 200 content-type text/plain string elsewhere\n"
OPTIONS, LIMITS = "/etc/default/haproxy", "/etc/systemd/system/haproxy.service.d/limits.conf"
KEEPALIVED_CONF, NETWORK = "/etc/keepalived/keepalived.conf", "/etc/systemd/network/10-eth0.network"


@dataclass(frozen=True)
class Looked:
    """A lab, and lbctl looking at it as `lint --live` does."""

    ground: Ground
    folder: Path

    @property
    def lab(self) -> Lab:
        return self.ground.lab

    def codes(self, node: str = "lb1") -> set[str]:
        """What is found on this node."""
        spec = self.lab.spec
        file = self.folder / "cluster.yaml"
        file.write_text(CLUSTER.format(name=spec.cluster))
        (self.folder / "haproxy.cfg").write_text(HEAD)
        (self.folder / "keepalived.conf").write_text(
            "vrrp_instance api {\n    virtual_ipaddress {\n    }\n}\n"
        )
        words = [sys.executable, "-m", "lbctl", "lint", "--live", "--json", "-f", str(file)]
        env = {**os.environ, "LBCTL_LAB": spec.prefix}
        done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
        assert done.returncode in (0, 2), done.stderr
        return {one["code"] for one in json.loads(done.stdout)["findings"] if node in one["nodes"]}


@pytest.fixture
def looked(ground: Ground, tmp_path: Path) -> Looked:
    return Looked(ground, tmp_path)


def test_the_limit_of_open_files_is_the_limit_of_connections(looked: Looked) -> None:
    ground = looked.ground
    ground.sh("lb1", f"mkdir -p {Path(LIMITS).parent}")
    ground.write("lb1", "[Service]\nLimitNOFILE=1000\n", LIMITS)
    ground.sh("lb1", "systemctl daemon-reload")
    try:
        ground.runs(HEAD + MANY)
        shown = dict(
            line.split(": ") for line in ground.command("lb1", "show info").splitlines() if ": " in line
        )
        assert int(shown["Maxconn"]) < 500
        assert "maxconn" in looked.codes()
    finally:
        ground.sh("lb1", f"rm {LIMITS}; systemctl daemon-reload")
    ground.runs(HEAD + MANY)
    assert "maxconn" not in looked.codes()


def test_a_name_that_stands_in_a_file_which_only_the_node_has(looked: Looked) -> None:
    ground = looked.ground
    ground.sh("lb1", f"mkdir -p /etc/haproxy/conf.d && cp {OPTIONS} /tmp/options")
    ground.write("lb1", PIECE, "/etc/haproxy/conf.d/10.cfg")
    ground.write("lb1", 'EXTRAOPTS="-f /etc/haproxy/conf.d"\n', OPTIONS)
    try:
        ground.runs(HEAD + ELSEWHERE)
        assert ground.ask(f"{VIP}/").startswith("elsewhere 200")
        assert "unknown-name" not in looked.codes()
    finally:
        ground.sh("lb1", f"cp /tmp/options {OPTIONS}; rm -r /etc/haproxy/conf.d")
    assert "unable to find" in ground.serve(HEAD + ELSEWHERE)
    assert "unknown-name" in looked.codes()


def test_a_check_whose_command_is_not_there(looked: Looked) -> None:
    """Without a weight it means FAULT: the VIP is gone from a node whose HAProxy is well."""
    ground = looked.ground
    ground.runs(HEAD + MANY)
    kept = ground.sh("lb1", f"cat {KEEPALIVED_CONF}")
    check = 'vrrp_script check {\n    script "/usr/bin/killall -0 haproxy"\n    interval 1\n}\n'
    follows = "    track_script {\n        check\n    }\n}"
    ground.write("lb1", check + kept.rstrip().removesuffix("}") + follows, KEEPALIVED_CONF)
    ground.sh("lb1", "systemctl restart keepalived")
    try:
        assert "no-psmisc" in looked.codes()
        eventually(lambda: ground.holds("lb2"))
        assert not ground.holds("lb1")
    finally:
        ground.write("lb1", kept, KEEPALIVED_CONF)
        ground.sh("lb1", "systemctl restart keepalived")
    eventually(lambda: ground.holds("lb1"))
    assert "no-psmisc" not in looked.codes()


def test_a_backup_that_may_not_bind_to_the_vip(looked: Looked) -> None:
    ground = looked.ground
    ground.write("lb2", HEAD + MANY)
    for value in ("0", "1"):
        ground.sh("lb2", f"sysctl -qw net.ipv4.ip_nonlocal_bind={value}")
        assert ("no-nonlocal-bind" in looked.codes("lb2")) is (value == "0")
        assert ("cannot bind socket" in ground.serve(HEAD + MANY, "lb2")) is (value == "0")


@pytest.mark.parametrize("keep", [pytest.param("static", marks=only_whole), "no"])
def test_networkd_takes_what_is_not_its_own(looked: Looked, keep: str) -> None:
    """With KeepConfiguration=static the VIP stays. `networkctl reconfigure` is what netplan does, and what it
    does at its start on a machine with udev."""
    ground = looked.ground
    text = "[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    ground.write("lb1", f"{text}KeepConfiguration={keep}\n", NETWORK)
    ground.sh("lb1", "systemctl enable -q systemd-networkd 2>&1; systemctl restart systemd-networkd")
    try:
        eventually(lambda: "configured" in ground.sh("lb1", "grep ADMIN_STATE /run/systemd/netif/links/*"))
        assert ground.holds("lb1")
        assert ("address-manager" in looked.codes()) is (keep == "no")
        ground.sh("lb1", "networkctl reconfigure eth0")
        time.sleep(1)
        assert ground.holds("lb1") is (keep == "static")
    finally:
        ground.sh("lb1", "systemctl disable -q --now systemd-networkd.socket systemd-networkd 2>&1; :")
        ground.sh("lb1", f"rm {NETWORK}; ip address replace {NODES['lb1']}/24 dev eth0")
    eventually(lambda: ground.holds("lb1"))
    assert "address-manager" not in looked.codes()


@only_whole
def test_network_manager_takes_what_is_not_its_own(looked: Looked) -> None:
    """Nothing of a connection that it has only found there, nor of a device that it does not manage."""
    ground = looked.ground
    address = f"ipv4.method manual ipv4.addresses {NODES['lb1']}/24"
    ground.sh("lb1", "systemctl start NetworkManager; nmcli --wait 10 networking on")
    assert "address-manager" not in looked.codes()
    ground.sh("lb1", f"nmcli connection add type ethernet ifname eth0 con-name lb {address}")
    ground.sh("lb1", "nmcli connection up lb")
    eventually(lambda: ground.holds("lb1"))
    assert "address-manager" in looked.codes()
    assert "Deleted" in watched(ground, "nmcli device reapply eth0")
    eventually(lambda: ground.holds("lb1"))
    mend = "[keyfile]\nunmanaged-devices=interface-name:eth0\n"
    ground.write("lb1", mend, "/etc/NetworkManager/conf.d/vip.conf")
    assert "Deleted" not in watched(ground, "systemctl restart NetworkManager; nmcli device reapply eth0")
    assert "address-manager" not in looked.codes()


def watched(ground: Ground, script: str) -> str:
    """What the kernel says of the VIP meanwhile."""
    watch = f"ip -o monitor address >/tmp/seen & sleep 0.2; {script} >/dev/null 2>&1; sleep 1; kill $!"
    return ground.sh("lb1", f"{watch}; grep -F ' {VIP}/' /tmp/seen; :")
