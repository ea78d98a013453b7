"""What is armed on a node, by the node's own scripts, run by this machine's shell in a folder."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from lbctl.transport.script import library

DRAINED = "server\t/run/none\tb/one\n"


@dataclass
class Folder:
    """A node's /var/lib/lbctl."""

    root: Path

    def __post_init__(self) -> None:
        self.base.mkdir()
        (self.root / "systemctl").write_text("#!/bin/sh\n")
        (self.root / "systemctl").chmod(0o755)
        for name in ("undo", "servers"):
            text = files("lbctl.rollout").joinpath("node", f"{name}.sh").read_text()
            (self.base / name).write_text(self._here(text).replace("sleep 1", "sleep 0.02"))
        (self.root / "library").write_text(self._here(library()))

    @property
    def base(self) -> Path:
        return self.root / "base"

    def _here(self, text: str) -> str:
        assert "base=/var/lib/lbctl" in text
        return text.replace("base=/var/lib/lbctl", f"base={self.base}")

    def sh(self, script: str) -> str:
        env = {**os.environ, "PATH": f"{self.root}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", f". {self.root}/library; {script}"], env=env, capture_output=True, text=True
        )
        return f"{done.returncode} {done.stdout}{done.stderr}".strip()

    def undo(self, *words: str, within: float = 20) -> bool:
        """Does it end well by itself? `within` is in seconds: half a second shows one that waits."""
        argv = ["timeout", str(within), "sh", str(self.base / "undo"), *words]
        return subprocess.run(argv, capture_output=True).returncode == 0

    def waits(self) -> bool:
        return not self.undo("wait", within=0.5)

    def armed(self) -> str:
        path = self.base / "armed" / "id"
        return path.read_text().strip() if path.exists() else ""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def drained(folder: Folder, seconds: int = 0) -> None:
    """As the step that drains servers arms a node."""
    assert folder.sh(f"txn_begin p-servers; save_attended; arm {seconds}") == "0"
    with (folder.base / "armed" / "items").open("a") as items:
        items.write(DRAINED + "drain\t0\n")


class TestFormer:
    def test_a_turn_takes_over_the_servers_that_are_drained(self, folder: Folder) -> None:
        drained(folder)
        assert folder.sh("txn_begin p p-servers; save_drain; arm 60; still_armed p") == "0"
        assert (folder.base / "armed" / "items").read_text() == DRAINED + "drain\t0\n"
        assert not (folder.base / "armed" / "attended").exists()
        assert not (folder.base / "former").exists()

    @pytest.mark.parametrize("words", ["q", "q q-servers", "q p"])
    def test_nobody_else_takes_it_over(self, folder: Folder, words: str) -> None:
        drained(folder)
        assert "neither confirmed nor undone" in folder.sh(f"txn_begin {words}")
        assert folder.armed() == "p-servers"


class TestDeadline:
    def test_while_lbctl_is_heard_a_node_waits_for_its_turn(self, folder: Folder) -> None:
        drained(folder)
        beat = folder.base / "lock.info"
        beat.touch()
        assert folder.waits() and folder.armed() == "p-servers"
        os.utime(beat, (0, time.time() - 21))
        assert folder.undo("wait") and folder.armed() == ""

    def test_a_lock_that_is_gone_is_silence(self, folder: Folder) -> None:
        drained(folder)
        assert folder.undo("wait") and folder.armed() == ""

    def test_not_before_the_deadline(self, folder: Folder) -> None:
        drained(folder, 60)
        assert folder.waits() and folder.armed() == "p-servers"

    def test_in_its_turn_a_node_waits_for_nobody(self, folder: Folder) -> None:
        drained(folder)
        assert folder.sh("txn_begin p p-servers; arm 0") == "0"
        (folder.base / "lock.info").touch()
        assert folder.undo("wait") and folder.armed() == ""


class TestBoot:
    def test_what_was_known_of_the_servers_says_nothing_then(self, folder: Folder) -> None:
        """Also where the undo is put off until the node is up."""
        assert folder.sh("txn_begin p; save_package haproxy 2.6; arm 60") == "0"
        dump = folder.base / "server-state"
        dump.touch()
        assert folder.undo("boot") and folder.armed() == "p" and not dump.exists()
