"""Processes of this machine that outlive the call: daemons, children to stop, and a successor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from lbctl.errors import LocalError
from lbctl.local.process import Completed, run

# Enters the groups first, so that no child can be born outside them.
ENTER = """n=$1; shift
while [ "$n" -gt 0 ]; do echo $$ >"$1/cgroup.procs" || exit 126; shift; n=$((n-1)); done
exec "$@" """


def grouped(groups: Sequence[Path], argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in control groups (directories)."""
    return ["sh", "-c", ENTER, "sh", str(len(groups)), *map(str, groups), *argv]


def daemon(
    argv: Sequence[str],
    *,
    log: Path,
    groups: Sequence[Path],
    env: Mapping[str, str] | None = None,
) -> None:
    """Start `argv` in a session of its own, nobody's child, in control groups, its output added to `log`.

    Whoever starts it finds it again by its group. Raises LocalError when setsid is missing.
    """
    with log.open("ab") as out:
        try:
            subprocess.run(
                ["setsid", "--fork", *grouped(groups, argv)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                check=True,
            )
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise LocalError(f"cannot start {argv[0]}", detail=str(error)) from error


def run_tied(argv: Sequence[str]) -> Completed:
    """Run `argv` like `run`, and have the kernel kill it when this process dies, however it dies."""
    return run(["setpriv", "--pdeathsig", "KILL", *argv])


def run_in(groups: Sequence[Path], argv: Sequence[str], *, stdin: bytes = b"") -> Completed:
    """Run `argv` like `run`, in control groups (directories).

    Whoever ends those ends it too where this process died; once they are removed it does nothing any more.
    """
    return run(grouped(groups, argv), stdin=stdin)


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Turn this process into `argv`: its streams, signals and exit status are the command's own."""
    try:
        os.execvpe(argv[0], list(argv), dict(env))
    except FileNotFoundError as error:
        raise LocalError(f"{argv[0]} is not installed", detail=str(error)) from error


class Running:
    """A child that works in the background until it ends or is stopped; a context manager that stops it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.argv = tuple(argv)
        self._left: Completed | None = None
        self._child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        )

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def stop(self, timeout: float = 30.0) -> Completed:
        """Send SIGTERM, if it still runs, and return what it left."""
        if not self.ended:
            self._child.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float | None = None) -> Completed:
        """Wait for its end and return what it left; after `timeout` seconds kill it and raise LocalError."""
        if self._left is None:
            try:
                out, err = self._child.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                self._child.kill()
                self._child.communicate()
                raise LocalError(f"{self.argv[0]} took longer than {timeout:g} s") from error
            self._left = Completed(self.argv, self._child.returncode, out, err)
        return self._left
