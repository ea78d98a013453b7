"""What a node says of the files that its daemons have read, with processes of this machine in their place."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lbctl.host.layers import layers, note, probes
from lbctl.model.cluster import ManagedFile, Node, Service, Ssh
from lbctl.model.command import Answer
from lbctl.model.content import plain
from lbctl.model.effect import Effect, Impact
from lbctl.model.layers import Loaded, Noted

RELOADS, RESTARTS = Impact.RELOAD, Impact.RESTART
SYSTEMCTL = """\
#!/bin/sh
for unit; do :; done
cat "$(dirname "$0")/../$1.$unit"
"""


def managed(path: Path, unit: str, impact: Impact, *, watch: bool = True) -> ManagedFile:
    return ManagedFile(str(path), plain(b""), effects=(Effect(unit, impact),), watch=watch)


@dataclass
class Machine:
    """`systemctl` says what stands in `show.UNIT` and `cat.UNIT`; the programs are shells of other names."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "bin").mkdir()
        (self.root / "bin/systemctl").write_text(SYSTEMCTL)
        (self.root / "bin/systemctl").chmod(0o755)
        for name in ("haproxy", "keepalived"):
            shutil.copy("/bin/dash", self.program(name))
            self.say(name, 0)
            (self.root / f"cat.{name}.service").write_text("[Service]\n")

    def program(self, name: str) -> Path:
        return self.root / "bin" / name

    def say(self, unit: str, main: int, *, changed: int = 0, reload: bool = False) -> None:
        """`changed` = when the unit's state did last, in µs since boot."""
        (self.root / f"show.{unit}.service").write_text(
            f"MainPID={main}\nStateChangeTimestampMonotonic={changed}\n"
            f"NeedDaemonReload={'yes' if reload else 'no'}\n"
        )

    @contextmanager
    def running(self, name: str, *, worker: bool = False) -> Iterator[subprocess.Popen[str]]:
        """Until the end; one with a `worker` begins another with each line that it reads."""
        script = f"while read -r _; do '{self.program(name)}' -c 'sleep 60; :' & echo; done"
        with subprocess.Popen(
            [str(self.program(name)), "-c", script if worker else "read -r _"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            yield process
            os.killpg(process.pid, signal.SIGKILL)

    def run(self, script: str) -> str:
        """As a node does, but for where it notes what it knows."""
        script = script.replace("/run/lbctl-loaded", str(self.root / "noted"))
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        ran = subprocess.run(
            ["dash"],
            input=script,
            capture_output=True,
            text=True,
            env={"PATH": path, "LC_ALL": "C"},
            check=True,
        )
        assert ran.stderr == ""
        return ran.stdout

    def look(self, node: Node) -> list[Loaded]:
        script = next(probe.script for probe in probes(node, None) if probe.name == "loaded")
        return list(layers(node, {"loaded": Answer(0, self.run(script).encode())}).loaded)

    def note(self, node: Node, recorded: Sequence[Path] = (), adopted: Sequence[Path] = ()) -> None:
        found = note(node, map(str, recorded), map(str, adopted)).stdin
        assert found is not None
        said = self.run(found.decode())
        (self.root / "noted").write_text(said)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def node(*files: ManagedFile) -> Node:
    return Node(
        "lb1", "10.0.0.1", Ssh("lb1"), files=files, services=(Service("haproxy"), Service("keepalived"))
    )


def uptime_us() -> int:
    return int(float(Path("/proc/uptime").read_text().split()[0]) * 1e6)


def standing(one: Loaded) -> tuple[bool, Noted]:
    """Is it newer than what was read, by its times; and what was noted."""
    return one.written > one.read, one.noted


class TestARestartedDaemon:
    """One whose file only a restart takes."""

    def test_what_was_there_before_it_began_is_older(self, machine: Machine) -> None:
        file = machine.root / "a file"
        file.write_text("1")
        time.sleep(0.05)
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            (one,) = machine.look(node(managed(file, "keepalived", RESTARTS)))
            assert (one.unit, one.how, one.path) == ("keepalived", "restart", str(file))
            assert abs(one.read - time.time()) < 5 and abs(one.written - time.time()) < 5
            assert standing(one) == (False, Noted.NONE)

    def test_what_was_noted_counts_and_no_time_does(self, machine: Machine) -> None:
        file = machine.root / "a file"
        file.write_text("1")
        time.sleep(0.05)
        shall = node(managed(file, "keepalived", RESTARTS))
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            machine.note(shall)
            time.sleep(0.05)
            file.touch()
            assert [standing(one) for one in machine.look(shall)] == [(True, Noted.SAME)]
            machine.note(shall)  # another apply comes along: what is known stays so
            assert [one.noted for one in machine.look(shall)] == [Noted.SAME]
            file.write_text("2")
            assert [one.noted for one in machine.look(shall)] == [Noted.OTHER]
            machine.note(shall)  # an apply that only records it loads nothing
            assert [one.noted for one in machine.look(shall)] == [Noted.OTHER]
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            time.sleep(0.05)
            file.write_text("1")
            assert [standing(one) for one in machine.look(shall)] == [(True, Noted.NONE)]
            machine.note(shall)  # nothing is known of it
            assert [one.noted for one in machine.look(shall)] == [Noted.NONE]

    def test_what_an_apply_takes_up_and_has_nobody_load(self, machine: Machine) -> None:
        files = [machine.root / name for name in ("changed", "adopted", "touched")]
        shall = node(*(managed(file, "keepalived", RESTARTS) for file in files))
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            time.sleep(0.05)
            for file in files:
                file.write_text("1")
            machine.note(shall, recorded=files[:1], adopted=files[1:2])
            expected = [Noted.OTHER, Noted.UNKNOWN, Noted.NONE]
            assert [one.noted for one in machine.look(shall)] == expected
            machine.note(shall)  # by another apply
            assert [one.noted for one in machine.look(shall)] == expected

    def test_one_that_does_not_run_has_read_nothing(self, machine: Machine) -> None:
        file = machine.root / "file"
        file.write_text("1")
        assert machine.look(node(managed(file, "keepalived", RESTARTS))) == []

    def test_nobody_asks_of_what_another_program_renews(self, machine: Machine) -> None:
        file = machine.root / "file"
        file.write_text("1")
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            assert machine.look(node(managed(file, "keepalived", RESTARTS, watch=False))) == []


class TestAReload:
    def test_of_haproxy_it_is_its_youngest_worker(self, machine: Machine) -> None:
        file, shall = machine.root / "cfg", node(managed(machine.root / "cfg", "haproxy", RELOADS))
        with machine.running("haproxy", worker=True) as process:
            assert process.stdin and process.stdout
            machine.say("haproxy", process.pid)
            for _ in range(2):
                time.sleep(0.05)
                file.write_text("1")
                time.sleep(0.05)
                assert [standing(one) for one in machine.look(shall)] == [(True, Noted.NONE)]
                process.stdin.write("\n")
                process.stdin.flush()
                process.stdout.readline()
                time.sleep(0.05)
                assert [standing(one) for one in machine.look(shall)] == [(False, Noted.NONE)]

    def test_of_another_daemon_it_is_what_systemd_saw(self, machine: Machine) -> None:
        file, shall = machine.root / "conf", node(managed(machine.root / "conf", "keepalived", RELOADS))
        with machine.running("keepalived") as process:
            began = uptime_us()
            time.sleep(0.05)
            file.write_text("1")
            machine.say("keepalived", process.pid, changed=began)
            assert [standing(one) for one in machine.look(shall)] == [(True, Noted.NONE)]
            time.sleep(0.05)
            machine.say("keepalived", process.pid, changed=uptime_us())
            assert [standing(one) for one in machine.look(shall)] == [(False, Noted.NONE)]
            machine.note(shall)
            file.write_text("2")
            assert [one.noted for one in machine.look(shall)] == [Noted.OTHER]
            time.sleep(0.05)
            machine.say("keepalived", process.pid, changed=uptime_us())
            assert [standing(one) for one in machine.look(shall)] == [(False, Noted.NONE)]


class TestTheUnitItself:
    def test_its_files_that_systemd_has_not_read(self, machine: Machine) -> None:
        shall = node()
        assert machine.look(shall) == []
        machine.say("haproxy", 0, reload=True)
        assert [(one.how, one.unit, one.noted) for one in machine.look(shall)] == [
            ("unit", "haproxy", Noted.NONE)
        ]
        machine.say("haproxy", 0)
        machine.note(shall)
        machine.say("haproxy", 0, reload=True)  # touched
        assert [one.noted for one in machine.look(shall)] == [Noted.SAME]
        (machine.root / "cat.haproxy.service").write_text("[Service]\nLimitNOFILE=1\n")
        machine.note(shall)
        assert [one.noted for one in machine.look(shall)] == [Noted.OTHER]

    def test_its_program_that_was_replaced(self, machine: Machine) -> None:
        program, new = machine.program("keepalived"), machine.root / "new"
        with machine.running("keepalived") as process:
            machine.say("keepalived", process.pid)
            assert machine.look(node()) == []
            shutil.copy(program, new)
            new.rename(program)  # the same once more
            assert machine.look(node()) == []
            shutil.copy("/bin/cat", new)
            new.rename(program)
            (one,) = machine.look(node())
            assert (one.how, one.unit, one.path) == ("program", "keepalived", str(program))
