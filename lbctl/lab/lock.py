"""One maker at a time: the lock of a lab's prefix, held while it goes up or down, then removed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lbctl.lab.registry import RUN, Paths


@contextmanager
def held(paths: Paths) -> Iterator[None]:
    """Wait for the lab's lock and hold it. Its file is removed again."""
    RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = RUN / f".{paths.prefix}.lock"
    while True:
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_file_at(path, lock.fileno()):
                continue  # its last holder removed it while we waited
            try:
                yield
            finally:
                path.unlink()
            return


def _is_file_at(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
