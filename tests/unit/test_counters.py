"""keepalived's own counters: what is read of them, what is said, and who is never signalled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lbctl.errors import UnreachableError
from lbctl.keepalived.counters import counters, grown
from lbctl.model.command import Command
from lbctl.model.report import DriftReport
from lbctl.transport.script import library
from lbctl.workflows.counters import disagreements
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_rollout_walk import PROXY, applied, cluster

NUMBER = 36
# of keepalived 2.2.7, with the password that some builds put there
ANSWER = """[{"data":{"iname":"v one","state":2,"auth_type":1,"auth_data":"hush","vips":["10.0.0.9"]},
"stats":{"advert_rcvd":10,"advert_interval_err":1,"addr_list_err":0,"authtype_mismatch":2,"pri_zero_sent":0}},
{"data":{"iname":"v2","vrid":2},"stats":{"advert_rcvd":3,"addr_list_err":4}}]
"""
SAYS = """\
#!/bin/sh
case $1 in --help) echo "{usage}" ;; --signum=JSON) {signum} ;; esac
"""
WAITS = "import signal, time; signal.signal({number}, lambda *a: open({path!r}, 'w').write({text!r}))"
SLEEPS = "import time; print(flush=True); time.sleep(60)"


class Machine:
    """A daemon whose program is the one installed, as far as the node's library can see."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answer = root / "keepalived.json"
        self.program = str(root / "keepalived")

    def installed(self, usage: str = "--signum=SIG", signum: str = f"echo {NUMBER}") -> None:
        program = self.root / "keepalived"
        program.write_text(SAYS.format(usage=usage, signum=signum))
        program.chmod(0o755)

    @contextmanager
    def running(self, *, waits: bool) -> Iterator[subprocess.Popen[str]]:
        handler = WAITS.format(number=NUMBER, path=str(self.answer), text=ANSWER) if waits else ""
        words = [sys.executable, "-c", f"{handler}\n{SLEEPS}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
            process.kill()

    def ask(self, pid: int) -> str:
        text = library().replace("/proc/$pid/root/tmp/keepalived.json", str(self.answer))
        stubs = f"systemctl() {{ echo {pid}; }}\n"
        stubs += f'readlink() {{ [ "$1" = -f ] && echo "$2" || echo "{self.program}"; }}\n'
        environment = {"PATH": f"{self.root}:{os.environ['PATH']}", "LC_ALL": "C"}
        ran = subprocess.run(
            ["dash"],
            input=f"{text}\n{stubs}vrrp_counters",
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return ran.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestOnANode:
    def test_one_that_waits_for_the_signal_answers_and_lives(self, machine: Machine) -> None:
        machine.installed()
        with machine.running(waits=True) as process:
            said = machine.ask(process.pid)
            assert process.poll() is None
        assert "hush" not in said and not machine.answer.exists()
        assert counters(said) == {
            ("v one", "advert_interval_err"): 1,
            ("v one", "addr_list_err"): 0,
            ("v one", "authtype_mismatch"): 2,
            ("v2", "addr_list_err"): 4,
        }

    @pytest.mark.parametrize(
        ("usage", "signum", "why"),
        [
            ("--signum=SIG", f"echo {NUMBER}", f"does not wait for signal {NUMBER}"),
            ("--signum=SIG", "echo Unknown sigfunc JSON >&2; exit 1", "built without JSON"),
            ("--signum=SIG", "echo usage", "built without JSON"),
            ("--signum=SIG", "echo 15", "built without JSON"),
            ("--dump-conf", f"echo {NUMBER}", "built without JSON"),
        ],
    )
    def test_one_that_would_die_is_never_signalled(
        self, machine: Machine, usage: str, signum: str, why: str
    ) -> None:
        machine.installed(usage, signum)
        with machine.running(waits=False) as process:
            said = machine.ask(process.pid)
            time.sleep(0.1)
            assert process.poll() is None
            assert said.startswith("off ") and why in said
            os.kill(process.pid, NUMBER)  # it would have
            assert process.wait(5) == -NUMBER

    def test_nor_one_that_runs_another_program(self, machine: Machine) -> None:
        machine.installed()
        machine.program = "/usr/sbin/keepalived (deleted)"
        with machine.running(waits=False) as process:
            assert machine.ask(process.pid) == "off it runs another program than the one installed\n"
            assert process.poll() is None

    def test_one_that_does_not_run(self, machine: Machine) -> None:
        assert machine.ask(0) == "off keepalived does not run\n"


class TestGrown:
    def test_only_what_is_more_than_before(self) -> None:
        before = {("v", "addr_list_err"): 3, ("v", "auth_failure"): 3, ("v", "ip_ttl_err"): 3}
        after = {
            ("v", "addr_list_err"): 5,
            ("v", "auth_failure"): 3,
            ("v", "ip_ttl_err"): 0,
            ("w", "ip_ttl_err"): 9,
        }
        assert grown(before, after) == {("v", "addr_list_err"): 2}


class TestDisagreements:
    def found(self, monkeypatch: pytest.MonkeyPatch, *looks: dict[str, str]) -> DriftReport:
        """What is made of what the nodes say, look by look; one that says nothing cannot be reached."""
        left = list(looks) * 2
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        transport: FakeTransport = applied(cluster(PROXY))
        asked: list[str] = []

        def run(node: str, commands: Sequence[Command]) -> tuple[str, ...]:
            assert [one.words for one in commands] == [("vrrp_counters",)]
            look = left[asked.count(node)]
            asked.append(node)
            if node not in look:
                raise UnreachableError(node, "the connection is gone")
            return (look[node],)

        monkeypatch.setattr(transport, "run", run)
        return DriftReport("c", disagreements(cluster(PROXY), transport, lambda event: None))

    def test_what_grows_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        still = "instance v\naddr_list_err 7"
        report = self.found(
            monkeypatch,
            {"lb1": still, "lb2": "instance v\naddr_list_err 1"},
            {"lb1": still, "lb2": "instance v\naddr_list_err 4"},
        )
        (item,) = report.items
        assert (item.what, item.address) == ("counters", "lb2/vrrp_instance/v")
        assert item.text == "addr_list_err has grown by 3 in 4 s: it refuses adverts, because the VIPs differ"
        assert int(report.code) == 2

    def test_what_stands_still_is_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        look = dict.fromkeys(("lb1", "lb2", "lb3"), "instance v\naddr_list_err 7")
        assert self.found(monkeypatch, look, look).items == ()

    def test_why_it_cannot_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        report = self.found(monkeypatch, dict.fromkeys(("lb1", "lb2"), "off it is built without JSON"))
        assert {(item.what, item.node) for item in report.items} == {("note", "lb1"), ("note", "lb2")}
        assert int(report.code) == 0
