"""How a node is reached: OpenSSH's own reading, proxies, and what is said when there is no way."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fabric import Connection
from paramiko import Transport

from lbctl.errors import UnreachableError
from lbctl.model.cluster import Ssh
from lbctl.transport import openssh, proxy
from lbctl.transport.openssh import Login
from lbctl.transport.session import Session, _sudo_said

UNKNOWN = "No ED25519 host key is known for b and you have requested strict checking."
CHANGED = """\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Host key for b has changed and you have requested strict checking."""
LOGIN = Login("127.0.0.1", 22, "root", (), (), "", "", False, 2.0)


class TestOpenssh:
    def test_the_last_hop_is_asked_for_the_node_by_its_own_name(self, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text(
            "Host lb1\n  HostName 2001:db8::1\n  Port 2222\n  User ops\n  ProxyJump b1,ops@b2:2200\n"
            "  HostKeyAlias lb1.example\n  ConnectTimeout 7\n"
        )
        login = openssh.login("lb1", Ssh("lb1"), config)
        assert (login.host, login.port, login.user) == ("2001:db8::1", 2222, "ops")
        assert (login.known_as, login.timeout) == ("lb1.example", 7.0)
        assert login.proxy == (
            "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes "
            f"-F {config} -J b1 -l ops -p 2200 -W '[2001:db8::1]:2222' -- b2"
        )

    def test_the_cluster_file_goes_before_the_configuration(self, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text("Host lb1\n  User ops\n  Port 2222\n")
        login = openssh.login("lb1", Ssh("lb1", user="root", port=2200), config)
        assert (login.user, login.port, login.proxy) == ("root", 2200, "")

    def test_a_proxy_command_has_its_words_filled_in(self, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text("Host lb1\n  HostName 10.0.0.1\n  ProxyCommand nc %h %p\n")
        assert openssh.login("lb1", Ssh("lb1"), config).proxy == "nc 10.0.0.1 22"

    def test_what_a_person_types_to_take_a_key_and_where_that_stands(self, tmp_path: Path) -> None:
        config = tmp_path / "a config"
        config.write_text("Host lb1\n  HostName 2001:db8::1\n  Port 2222\n")
        login = openssh.login("lb1", Ssh("lb1", user="ops"), config)
        assert login.asking == f"ssh -o StrictHostKeyChecking=ask -F '{config}' -l ops -- lb1 true"
        assert login.entry == "[2001:db8::1]:2222"
        assert replace(login, port=22).entry == "2001:db8::1"
        assert replace(login, alias="lb1.example").entry == "lb1.example"

    def test_a_configuration_that_ssh_refuses(self, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text("Host lb1\n  NoSuchOption yes\n")
        with pytest.raises(UnreachableError, match=r"lb1: ssh cannot read its configuration") as caught:
            openssh.login("lb1", Ssh("lb1"), config)
        assert "NoSuchOption".lower() in str(caught.value).lower()


class TestProxy:
    def test_what_it_says_and_that_it_has_ended(self) -> None:
        link = proxy.connect(replace(LOGIN, proxy="sh -c 'echo @@@@ >&2; echo no way >&2; exit 3'"))
        try:
            assert link.said() == ["no way"]
            assert link.ended
            assert link.stream.recv(1) == b""
        finally:
            link.close()

    def test_it_is_ended_with_the_link(self) -> None:
        link = proxy.connect(replace(LOGIN, proxy="sh -c 'trap \"\" TERM; while :; do sleep 1; done'"))
        assert link.proxy is not None and not link.ended
        link.close()
        assert link.proxy.poll() is not None

    def test_a_closed_port(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionRefusedError):
                proxy.connect(replace(LOGIN, port=taken.getsockname()[1]))


class TestSession:
    """Whoever answers, and does not speak SSH, is bounded and named."""

    def session(self, tmp_path: Path, proxy_command: str) -> Session:
        config = tmp_path / "config"
        config.write_text(f"Host lb1\n  ConnectTimeout 1\n  ProxyCommand {proxy_command}\n")
        return Session("lb1", Ssh("lb1"), config)

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("sleep 60", "no answer within 1 s"),
            ("sh -c 'echo not today >&2; exit 1'", "not today"),
            ("sh -c 'yes HTTP/1.1'", "lb1: cannot be reached"),
            ("true", "its proxy ended"),
        ],
    )
    def test_nobody_who_speaks_ssh(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, words: str
    ) -> None:
        session = self.session(tmp_path, command)
        began = time.monotonic()
        with pytest.raises(UnreachableError) as caught:
            session.run("true", 5)
        session.close()
        assert words in str(caught.value)
        assert time.monotonic() - began < 15
        assert capfd.readouterr().err == ""

    def test_one_that_has_ended_is_not_begun_anew(self, tmp_path: Path) -> None:
        """And what the proxy said of its end is told, not that its socket is closed by now."""
        session = self.session(tmp_path, "true")
        session._link = proxy.connect(replace(LOGIN, proxy="sh -c 'echo reset by peer >&2; exit 1'"))
        session._connection = Connection("lb1", connect_kwargs={"sock": session._link.stream})
        session._connection.transport = Transport(session._link.stream)
        with pytest.raises(UnreachableError, match="the connection is gone") as caught:
            session.run("true", 5)
        session.close()
        assert caught.value.detail == "SSH session not active\nreset by peer"

    @pytest.mark.parametrize(("said", "changed"), [(UNKNOWN, "is not known"), (CHANGED, "has changed")])
    def test_a_bastion_that_is_not_trusted(self, tmp_path: Path, said: str, changed: str) -> None:
        script = tmp_path / "jump"
        script.write_text(f"cat >&2 <<'E'\n{said}\nHost key verification failed.\nE\nexit 255\n")
        with pytest.raises(UnreachableError, match=f"a host on the way {changed}") as caught:
            self.session(tmp_path, f"sh {script}").open()
        assert "requested strict checking" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "prompts", "answered", "words"),
    [
        ("Sorry, try again.\n", 2, True, "sudo refused the password"),
        ("", 1, False, "sudo asks for a password"),
        ("sudo: a password is required\n", 0, False, "sudo asks for a password"),
        ("ops is not in the sudoers file.\n", 1, True, "sudo refused: ops is not in the sudoers file."),
        ("sh: 1: sudo: not found\n", 0, False, "sudo refused: sh: 1: sudo: not found"),
        ("", 0, False, "sudo refused: no answer"),
    ],
)
def test_what_sudo_meant(said: str, prompts: int, answered: bool, words: str) -> None:
    assert _sudo_said(said, prompts, answered=answered).startswith(words)


def test_ssh_itself_is_there() -> None:
    assert subprocess.run(["ssh", "-V"], capture_output=True, check=True).stderr.startswith(b"OpenSSH")
