"""Running commands on this machine: the one place outside transport that starts processes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbctl.errors import LocalError


@dataclass(frozen=True)
class Completed:
    """What a command left: exit status, and its output as bytes."""

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace").strip()


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run `argv` without a shell and wait for it.

    `timeout` is in seconds. Raises LocalError when it cannot be started, takes longer, or (with `check`)
    exits with anything but 0; the last lines of what it said are in the error.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, env=env, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise LocalError(f"{argv[0]} is not installed", detail=str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"{argv[0]} took longer than {timeout:g} s", detail=" ".join(argv)) from error
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-8:]
        raise LocalError(
            f"{argv[0]} failed with {done.returncode}", detail="\n".join([" ".join(argv), *said])
        )
    return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)
