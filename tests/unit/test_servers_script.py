"""The node's script for HAProxy's servers, run by this machine's shell; its socat plays HAProxy."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

HEAD = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
# what it is asked is its first line; of a conversation each line that sets a server is done
SOCAT = """#!/bin/sh
cd {folder} || exit 1
read -r asked
case $asked in
  'show info') echo "Pid: $(cat pid)" ;;
  'show servers state') cat state ;;
  'show proc') : ;;
  prompt) while read -r _ _ name _ to; do
    case $to in drain) admin=8 ;; ready) admin=0 ;; *) continue ;; esac
    echo "$name $to" >>told
    awk -v name="$name" -v admin=$admin '$2 "/" $4 == name {{ $7 = admin }} 1' state >new; mv new state
  done ;;
esac
"""
# a reload is another process, which has read the file
SYSTEMCTL = """#!/bin/sh
cd {folder} || exit 1
echo "$*" >>systemctl.log
case $1 in
  is-active) [ -e pid ] ;;
  reload|restart|start) [ ! -e broken ] || exit 1; cp base/server-state read 2>/dev/null; echo 2 >pid ;;
esac
"""


@dataclass
class Machine:
    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        (self.folder / "base" / "armed").mkdir(parents=True)
        for name, text in (("socat", SOCAT), ("systemctl", SYSTEMCTL), ("sync", "#!/bin/sh\n")):
            path = self.folder / "bin" / name
            path.write_text(text.format(folder=self.folder))
            path.chmod(0o755)
        script = files("lbctl.rollout").joinpath("node", "servers.sh").read_text()
        (self.folder / "servers").write_text(
            script.replace("base=/var/lib/lbctl", f"base={self.base}")
            .replace("/run/haproxy-master.sock", str(self.folder / "sock"))
            .replace("sleep 0.1", "sleep 0.01")
        )
        self.put("pid", "1")
        self.put(
            "state", HEAD + "3 b 1 one 10.0.0.1 2 0 1\n3 b 2 two 10.0.0.2 2 1 7\n4 c 1 one 10.0.0.1 0 8 1\n"
        )

    @property
    def base(self) -> Path:
        return self.folder / "base"

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def get(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def run(self, *words: str, code: int = 0) -> str:
        env = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", str(self.folder / "servers"), *words], env=env, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def take(self, how: str, verb: str, *servers: str, code: int = 0) -> str:
        sockets = f"{self.folder}/none {self.folder}/sock"
        return self.run(how, verb, sockets, str(self.base / "server-state"), *servers, code=code)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        yield Machine(tmp_path)


class TestTake:
    def test_the_next_process_reads_all_but_what_changes_and_the_dump_is_gone(self, machine: Machine) -> None:
        state = machine.get("state")
        assert state is not None
        machine.take("take", "reload", "b/one", "d/new")
        assert machine.get("read") == state.replace("3 b 1 one 10.0.0.1 2 0 1\n", "")
        assert machine.get("base/armed/servers") == "3 b 1 one 10.0.0.1 2 0 1\n"
        assert sorted(path.name for path in machine.base.iterdir()) == ["armed"]

    def test_the_undo_gives_back_what_they_were(self, machine: Machine) -> None:
        machine.take("take", "reload", "b/one")
        (machine.base / "armed").rename(machine.base / "undoing")
        machine.put("state", HEAD + "3 b 1 one 10.9.9.9 0 0 1\n3 b 2 two 10.0.0.2 2 0 7\n")
        machine.put("pid", "1")
        machine.take("back", "reload", "b/one")
        assert machine.get("read") == HEAD + "3 b 2 two 10.0.0.2 2 0 7\n3 b 1 one 10.0.0.1 2 0 1\n"
        assert sorted(path.name for path in machine.base.iterdir()) == ["undoing"]

    def test_an_undo_before_anything_was_taken_leaves_nothing_out(self, machine: Machine) -> None:
        (machine.base / "armed").rename(machine.base / "undoing")
        machine.take("back", "reload", "b/one")
        assert machine.get("read") == machine.get("state")

    def test_while_haproxy_does_not_come_up_the_dump_stays(self, machine: Machine) -> None:
        """Whoever starts it begins with what it knew last: the undo does."""
        machine.put("broken", "")
        machine.take("take", "restart", code=1)
        (machine.folder / "broken").unlink()
        (machine.folder / "pid").unlink()
        (machine.base / "armed").rename(machine.base / "undoing")
        machine.take("back", "start")
        assert machine.get("read") == machine.get("state")
        assert machine.get("base/server-state") is None

    def test_without_an_answer_an_older_dump_is_not_read(self, machine: Machine) -> None:
        machine.put("base/server-state", "old")
        machine.run("take", "reload", "", str(machine.base / "server-state"))
        assert machine.get("read") is None and machine.get("base/server-state") is None
        assert "reload haproxy" in str(machine.get("systemctl.log"))

    def test_what_does_not_run_is_not_reloaded(self, machine: Machine) -> None:
        (machine.folder / "pid").unlink()
        machine.take("take", "reload")
        assert "reload" not in str(machine.get("systemctl.log"))


class TestDrain:
    def test_what_an_operator_took_out_stays_so(self, machine: Machine) -> None:
        sock = str(machine.folder / "sock")
        machine.run("drain", sock, "b/one", "b/two", "c/one")
        assert machine.get("told") == "b/one drain\n"
        assert machine.get("base/armed/items") == f"server\t{sock}\tb/one\n"
        machine.run("drain", sock, "b/one")
        machine.run("ready", str(machine.base / "armed" / "items"))
        assert machine.get("told") == "b/one drain\nb/one ready\n"
        assert " 3 b" not in str(machine.get("state"))

    def test_one_that_an_operator_takes_out_meanwhile_stays_so(self, machine: Machine) -> None:
        machine.run("drain", str(machine.folder / "sock"), "b/one")
        machine.put("state", str(machine.get("state")).replace("one 10.0.0.1 2 8", "one 10.0.0.1 2 9"))
        machine.run("ready", str(machine.base / "armed" / "items"))
        assert machine.get("told") == "b/one drain\n"

    def test_nothing_to_make_ready(self, machine: Machine) -> None:
        machine.put("base/armed/items", "drain\t0\nstate\tx\ty\tz\n")
        machine.run("ready", str(machine.base / "armed" / "items"))
        assert machine.get("told") is None

    def test_one_that_cannot_be_is_named(self, machine: Machine) -> None:
        socat = machine.folder / "bin" / "socat"
        socat.write_text(socat.read_text().replace("drain) admin=8", "drain) admin=0"))
        assert "could not be drained: b/one" in machine.run(
            "drain", str(machine.folder / "sock"), "b/one", code=1
        )
