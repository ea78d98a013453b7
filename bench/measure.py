"""Running commands with the kernel's own accounting of them, one after the other or in pairs."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1e6  # bytes


class BenchError(Exception):
    """Something that was to be measured did not do its work: a figure of it would mean nothing."""


@dataclass(frozen=True)
class Job:
    """Command lines that run at the same time. `expect`: a pattern that is found in
    what a right run of the first one prints."""

    name: str
    argvs: tuple[tuple[str, ...], ...]
    cwd: Path
    env: tuple[tuple[str, str], ...] = ()
    expect: str = ""


@dataclass(frozen=True)
class Spent:
    """What a job cost. `wall` and `cpu` in seconds, cpu of all its processes with the children that they
    waited for; `peak` = the largest resident size of one process, in bytes."""

    wall: float
    cpu: float
    peak: int


def run(job: Job, folder: Path) -> Spent:
    """Start a job's commands at once, wait until the last ends. Their output goes to files in `folder`.

    Raises BenchError when one exits with anything but 0, or the first does not print what is expected.
    """
    logs = [folder / f"{job.name.replace(' ', '-')}.{number}" for number in range(len(job.argvs))]
    began = time.perf_counter()
    children = [_start(argv, job, log) for argv, log in zip(job.argvs, logs, strict=True)]
    left = [os.wait4(child.pid, 0) for child in children]
    wall = time.perf_counter() - began
    for child, log, (_, status, _) in zip(children, logs, left, strict=True):
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise BenchError(f"{job.name} ended with {child.returncode}:\n{_last(log)}")
    if not re.search(job.expect, logs[0].read_text(errors="replace")):
        raise BenchError(f"{job.name} did not say “{job.expect}”:\n{_last(logs[0])}")
    cpu = sum(usage.ru_utime + usage.ru_stime for _, _, usage in left)
    return Spent(wall, cpu, max(usage.ru_maxrss for _, _, usage in left) * 1024)


def _start(argv: Sequence[str], job: Job, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=job.cwd,
            env={**os.environ, **dict(job.env)},
        )


def _last(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def paired(
    one: Callable[[], Spent], other: Callable[[], Spent], runs: int, say: Callable[[str], None]
) -> list[tuple[Spent, Spent]]:
    """`runs` pairs, in turn, after one that does not count."""
    found = []
    for number in range(runs + 1):
        pair = one(), other()
        if number:
            found.append(pair)
            say(f"{number}/{runs}: {pair[0].wall:.2f} s, {pair[1].wall:.2f} s")
    return found
