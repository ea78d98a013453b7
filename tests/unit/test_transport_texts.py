"""Texts that go to a node and come back: the script's frames, `ssh -G`, what a boot would set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lbctl.host.sysctl import boot_values, proc_path
from lbctl.model.cluster import Ssh
from lbctl.model.command import Answer, Probe, command
from lbctl.transport import openssh, script

NONCE = "0123456789abcdef"
PROBES = [
    Probe("one", "echo first; echo err >&2; return 3"),
    Probe("two", "printf 'no newline\\000\\377'"),
    Probe("no", ":"),
]


def run(text: str) -> bytes:
    return subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=False).stdout


class TestFrames:
    def test_answers_come_back_to_the_byte(self) -> None:
        found = script.read_answers(NONCE, run(script.reading(NONCE, PROBES)))
        assert found == {
            "one": Answer(3, b"first\nerr\n"),
            "two": Answer(0, b"no newline\x00\xff"),
            "no": Answer(0, b""),
        }

    def test_noise_before_within_and_after(self) -> None:
        output = run(script.reading(NONCE, PROBES))
        noisy = b"Welcome!\r\n@other one eA==\n" + output.replace(b"\n@", b"\nbash: warning\n@") + b"logout\n"
        assert script.read_answers(NONCE, noisy) == script.read_answers(NONCE, output)

    def test_what_was_cut_off_is_no_answer(self) -> None:
        output = run(script.reading(NONCE, PROBES))
        for length in range(0, len(output.rstrip()) - 1, 7):
            assert script.read_answers(NONCE, output[:length]) is None

    def test_half_a_script_does_nothing(self, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        text = script.reading(NONCE, [Probe("one", f"echo x >{trace}")])
        for length in range(0, text.rindex("main </dev/null"), 11):
            run(text[:length])
        assert not trace.exists()
        run(text)
        assert trace.exists()

    def test_what_reads_standard_input_eats_nothing(self) -> None:
        found = script.read_answers(NONCE, run(script.reading(NONCE, [Probe("eats", "cat"), *PROBES])))
        assert found is not None and len(found) == 4

    def test_the_first_command_that_fails_is_the_last(self) -> None:
        commands = [command("fail", "a $(b)"), command("fail", "c")]
        found = script.answers(NONCE, run(script.writing(NONCE, commands)))
        assert found == {"0": Answer(1, b"a $(b)\n")}


LISTING = """\
# /etc/sysctl.d/10-a.conf
a.one = 1
a/two=2
# /etc/sysctl.d/99-zz-lbctl.conf
-a.one =  3   4
net.ipv4.conf.eth0/1.forwarding = 1
# /usr/lib/sysctl.d/10-a.conf
a.one = 9
a.three = 9
# /usr/lib/sysctl.d/50-b.conf
a.one = 8
nonsense
a.four=
"""


class TestBootValues:
    def test_the_last_by_name_wins_and_a_name_hides_the_same_in_a_later_folder(self) -> None:
        found = boot_values(LISTING)
        assert found["a.one"] == "3 4"
        assert found["a.two"] == "2"
        assert "a.three" not in found
        assert found["a.four"] == ""

    def test_keys_have_two_spellings(self) -> None:
        assert boot_values("# /etc/sysctl.d/x.conf\nnet/ipv4/conf/eth0.1/forwarding=1\n") == (
            {"net.ipv4.conf.eth0/1.forwarding": "1"}
        )
        assert proc_path("net.ipv4.ip_nonlocal_bind") == "/proc/sys/net/ipv4/ip_nonlocal_bind"
        assert proc_path("net/ipv4/conf/eth0.1/forwarding") == "/proc/sys/net/ipv4/conf/eth0.1/forwarding"


SAID = """\
user ops
hostname 192.0.2.7
port 2222
identityfile {key}
identityfile /nowhere/id_rsa
userknownhostsfile {known} /nowhere/known_hosts
globalknownhostsfile /nowhere/global
connecttimeout none
hostkeyalias none
"""


class TestOpenssh:
    def read(self, tmp_path: Path, more: str = "") -> openssh.Login:
        key, known = tmp_path / "key", tmp_path / "known"
        key.touch()
        known.touch()
        return openssh.read(SAID.format(key=key, known=known) + more, Ssh("lb1"), Path("/etc/x"))

    def test_what_it_says(self, tmp_path: Path) -> None:
        login = self.read(tmp_path)
        assert (login.host, login.port, login.user, login.proxy) == ("192.0.2.7", 2222, "ops", "")
        assert login.keys == (str(tmp_path / "key"),)
        assert login.known_hosts == (str(tmp_path / "known"),)
        assert login.known_as == "192.0.2.7"
        assert login.timeout == 10

    def test_an_alias_is_what_the_key_is_known_as(self, tmp_path: Path) -> None:
        said = SAID.replace("hostkeyalias none", "hostkeyalias lb1.example")
        login = openssh.read(said.format(key="k", known="h"), Ssh("lb1"), None)
        assert login.known_as == "lb1.example"

    @pytest.mark.parametrize(
        ("jump", "words"),
        [
            ("bastion", ["-W", "[192.0.2.7]:2222", "--", "bastion"]),
            ("ops@bastion:2200", ["-l", "ops", "-p", "2200", "-W", "[192.0.2.7]:2222", "--", "bastion"]),
            ("a,b", ["-J", "a", "-W", "[192.0.2.7]:2222", "--", "b"]),
        ],
    )
    def test_a_jump_is_opensshs_own_command(self, tmp_path: Path, jump: str, words: list[str]) -> None:
        proxy = self.read(tmp_path, f"proxyjump {jump}\n").proxy
        assert "StrictHostKeyChecking=yes" in proxy and "-F /etc/x" in proxy
        plain = proxy.replace("'", "").split()
        assert plain[-len(words) :] == words

    def test_a_proxy_command_gets_its_host_and_port(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "proxycommand nc %h %p\n").proxy == "nc 192.0.2.7 2222"
