"""Nodes that cannot be reached, hosts that are not who they were, sudo that refuses, and odd remotes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from pathlib import Path

import pytest

from lbctl.transport.cluster import SshTransport
from tests.lab.serving.rig import Rig

pytestmark = pytest.mark.lab

BOUND = 30.0  # seconds; generous: two slow cores, and a ConnectTimeout of 3 s


@contextmanager
def on_the_node(rig: Rig, node: str, do: str, undo: str) -> Iterator[None]:
    rig.sh(node, do)
    try:
        yield
    finally:
        rig.sh(node, undo)


class TestHostKeys:
    @pytest.mark.parametrize(
        ("command", "code"), [("plan", 1), ("apply --yes", 1), ("drift", 4), ("status", 1)]
    )
    def test_an_unknown_one_is_refused(self, two_vips: Rig, command: str, code: int) -> None:
        with two_vips.known_hosts("10.20.0.12", ""):
            before = two_vips.marks()
            said = two_vips.run(*command.split())
        assert said.code == code
        assert "its host key is not known" in said.all and "10.20.0.12" in said.all
        assert "Traceback" not in said.all
        assert two_vips.marks() == before

    def test_a_changed_one_is_refused(self, two_vips: Rig) -> None:
        with two_vips.known_hosts("10.20.0.11", other_key(two_vips)):
            said = two_vips.refused("apply", "--yes")
        assert "lb1: its host key has changed" in said
        assert "ssh-keygen -f " in said and " -R 10.20.0.11" in said
        assert "ssh -o StrictHostKeyChecking=ask" in said

    @pytest.mark.parametrize(
        ("changed", "words"), [(False, "is not known"), (True, "has changed")], ids=["unknown", "changed"]
    )
    def test_the_bastions_is_looked_at_too(self, two_vips: Rig, changed: bool, words: str) -> None:
        with two_vips.known_hosts("192.0.2.1", other_key(two_vips) if changed else ""):
            said = two_vips.refused("apply", "--yes")
        assert f"lb1: the host key of a host on the way {words}" in said
        assert f"lb2: the host key of a host on the way {words}" in said
        assert "192.0.2.1" in said


def other_key(rig: Rig) -> str:
    """A good key, and not that of any host: the operator's own."""
    words = rig.lab.paths.key.with_name(f"{rig.lab.paths.key.name}.pub").read_text().split()
    return " ".join(words[:2])


class TestKeys:
    def test_one_that_the_node_does_not_know_and_none_at_all(self, two_vips: Rig, tmp_path: Path) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
        config = two_vips.lab.ssh_config
        before = config.read_text()
        for key in ("other", "missing"):
            # the bastion's own stanza keeps the good key: it is the node's that is asked for
            bastion = before.replace(
                "Host bastion", f"Host bastion\n    IdentityFile {two_vips.lab.paths.key}"
            )
            config.write_text(bastion.replace(str(two_vips.lab.paths.key), str(tmp_path / key), 1))
            try:
                said = two_vips.refused("plan")
            finally:
                config.write_text(before)
            assert "lb1: login as root was refused" in said
            assert ("other" if key == "other" else "keys tried: none") in said


class TestUnreachable:
    def test_a_node_whose_sshd_is_gone(self, ipv6_only: Rig) -> None:
        with on_the_node(ipv6_only, "lb2", "systemctl stop ssh", "systemctl start ssh"):
            said = ipv6_only.refused("apply", "--yes")
        assert "Error: lb2: cannot be reached" in said
        assert "fd00:20::12 port 22" in said and "Connection refused" in said
        assert "is it up?" in said

    def test_a_node_that_is_off_and_one_whose_packets_are_dropped(self, two_vips: Rig) -> None:
        """Bounded, both named, and the plan says what to do."""
        config = two_vips.lab.ssh_config
        before = config.read_text()
        config.write_text(f"ConnectTimeout 3\n{before}")
        two_vips.lab.power_cut("lb2")
        drop = (
            "nft add table inet quiet; nft 'add chain inet quiet in { type filter hook input priority 0; }'"
        )
        drop += "; nft add rule inet quiet in tcp dport 22 drop"
        try:
            with on_the_node(two_vips, "lb1", drop, "nft delete table inet quiet"):
                began = time.monotonic()
                said = two_vips.refused("apply", "--yes", but="lb2")
                took = time.monotonic() - began
                drift = two_vips.run("drift", "--json")
        finally:
            config.write_text(before)
            two_vips.lab.start("lb2")
            settled(two_vips)
        assert "2 of 2 nodes could not be read" in said
        assert "lb1: cannot be reached" in said and "lb2: cannot be reached" in said
        assert took < BOUND
        assert drift.code == 4
        assert [item["what"] for item in json.loads(drift.out)["items"]] == ["unknown", "unknown"]

    def test_a_node_that_freezes_after_the_login(
        self, dual_stack: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that stops in the middle of an answer is bounded, as a lost link is."""
        frozen = "printf '#!/bin/sh\\nexec sleep 600\\n' >/usr/bin/ss; chmod 755 /usr/bin/ss"
        with on_the_node(
            dual_stack, "lb2", f"mv /usr/bin/ss /usr/bin/ss.kept; {frozen}", "mv /usr/bin/ss.kept /usr/bin/ss"
        ):
            monkeypatch.setattr(SshTransport, "ask", partialmethod(SshTransport.ask, timeout=3))
            said = dual_stack.refused("plan")
            dual_stack.sh("lb2", "pkill -x sleep")
        assert "lb2: no answer within 3 s" in said


def settled(rig: Rig) -> None:
    """Wait until every VIP is with the node that its priority wants."""
    until = time.monotonic() + 20
    wanted = {"lb1": ["10.20.0.5"], "lb2": ["10.20.0.6"]}
    while True:
        nodes = json.loads(rig.run("status", "--json").out)["nodes"]
        if {node["node"]: node["holds"] for node in nodes} == wanted:
            return
        assert time.monotonic() < until, nodes
        time.sleep(0.2)


class TestSudo:
    def test_a_wrong_password(self, dual_stack: Rig) -> None:
        right, dual_stack.env = dual_stack.env, {"RIG_SUDO_PASSWORD": "wrong"}
        try:
            said = dual_stack.refused("apply", "--yes")
        finally:
            dual_stack.env = right
        assert "lb1: sudo refused the password" in said and "lb2: sudo refused the password" in said
        assert "wrong" not in said.replace("wrong password", "")

    def test_a_password_that_nobody_gave(self, dual_stack: Rig) -> None:
        with dual_stack.changed(", become_password: {env: RIG_SUDO_PASSWORD}", ""):
            said = dual_stack.refused("plan")
        assert "lb1: sudo asks for a password: set ssh.become_password" in said

    def test_no_rights(self, ipv6_only: Rig, dual_stack: Rig) -> None:
        for rig in (ipv6_only, dual_stack):
            with on_the_node(
                rig, "lb2", "mv /etc/sudoers.d/lab /root/lab.sudo", "mv /root/lab.sudo /etc/sudoers.d/lab"
            ):
                said = rig.refused("apply", "--yes")
            assert "Error: lb2: sudo " in said

    def test_no_sudo_asked_for(self, ipv6_only: Rig) -> None:
        with ipv6_only.changed(", become: sudo", ""):
            said = ipv6_only.refused("apply", "--yes")
        assert "become: sudo" in said

    def test_no_sudo_there(self, ipv6_only: Rig) -> None:
        with on_the_node(ipv6_only, "lb1", "chmod 000 /usr/bin/sudo", "chmod 4755 /usr/bin/sudo"):
            said = ipv6_only.refused("plan")
        assert "Error: lb1: sudo refused: " in said


NOISE = """\
#!/bin/sh
echo "Welcome! @deadbeef0 end"
printf 'caf\\303\\251 \\377 no newline'
echo "and on standard error" >&2
"""
# one that talks before it does as it is told, and knows no `NAME=value command`
ODD_SHELL = (
    NOISE
    + """\
case $2 in [A-Z]*=*) echo "Unknown command"; exit 1 ;; esac
exec /bin/sh -c "$2"
"""
)


class TestOddRemotes:
    """A plan has to come out empty: everything was read, and read right."""

    def test_noise_of_a_login_shell_and_its_files(self, dual_stack: Rig) -> None:
        noisy = "cat >/home/ops/.bashrc <<'E'\n" + NOISE + "E\necho Motd >/etc/motd"
        with on_the_node(dual_stack, "lb1", noisy, "cp /etc/skel/.bashrc /home/ops/.bashrc; rm /etc/motd"):
            assert dual_stack.run("plan", "--detailed-exitcode").code == 0

    @pytest.mark.parametrize("bashes", [True, False], ids=["with bash", "without bash"])
    def test_a_login_shell_of_another_kind(self, ipv6_only: Rig, bashes: bool) -> None:
        shell = "/usr/bin/odd-shell"
        do = f"cat >{shell} <<'E'\n{ODD_SHELL}E\nchmod 755 {shell}; usermod -s {shell} ops"
        undo = f"usermod -s /bin/bash ops; rm {shell}"
        if not bashes:
            do, undo = f"{do}; mv /bin/bash /bin/bash.kept", f"mv /bin/bash.kept /bin/bash; {undo}"
        with on_the_node(ipv6_only, "lb1", do, undo):
            said = ipv6_only.run("plan", "--detailed-exitcode")
        assert said.code == 0, said.all
        assert ("lb1: bash is missing" in said.out) is not bashes

    def test_without_socat_the_plan_says_what_is_off(self, ipv6_only: Rig) -> None:
        with on_the_node(
            ipv6_only, "lb1", "mv /usr/bin/socat /usr/bin/socat.kept", "mv /usr/bin/socat.kept /usr/bin/socat"
        ):
            said = ipv6_only.run("plan", "--detailed-exitcode")
        assert said.code == 0, said.all
        assert "lb1: socat is missing" in said.out
