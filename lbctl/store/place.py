"""Putting several new files into a directory: all of them or none, and never over one that is there."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lbctl.errors import LocalError, UsageError
from lbctl.model.adoption import Written

_FOLDER, _FILE, _PRIVATE = 0o755, 0o644, 0o600


@contextmanager
def staged(directory: Path, files: Sequence[Written]) -> Iterator[Path]:
    """A directory beside with these files, to look at before they are placed; it is gone afterwards.

    Raises UsageError where one of them is there already, LocalError where they cannot be written.
    """
    for file in files:
        target = directory / file.path
        if target.exists() or target.is_symlink():
            raise UsageError(
                f"{target} is there already", mend="nothing is written over: take another directory"
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".lbctl-import-", dir=directory))
    except OSError as error:
        raise LocalError(f"{error.filename} cannot be made: {error.strerror}") from error
    try:
        for file in files:
            _write(stage / file.path, file)
        yield stage
    except OSError as error:
        raise LocalError(f"{error.filename} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def place(stage: Path, directory: Path, files: Sequence[Written]) -> None:
    """Move the staged files to their places, in this order; where one cannot be, the others go again."""
    done: list[Path] = []
    try:
        for file in files:
            target = directory / file.path
            _folders(target.parent, private=file.private)
            os.link(stage / file.path, target)  # unlike a rename it fails where there is one
            done.append(target)
    except BaseException as error:
        for path in done:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise LocalError(
                f"{error.filename2 or error.filename} cannot be made: {error.strerror}"
            ) from error
        raise


def rewrite(path: Path, data: bytes) -> None:
    """Other bytes in a file that is there, at one instant; its mode stays, and a link to it.

    Raises LocalError.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        _write(beside, Written("", data, private=True))
        beside.chmod(mode)
        beside.replace(path)
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, file: Written) -> None:
    _folders(path.parent, private=file.private)
    mode = _PRIVATE if file.private else _FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.data)
        stream.flush()
        os.fsync(stream.fileno())


def _folders(path: Path, *, private: bool) -> None:
    for folder in reversed([one for one in (path, *path.parents) if not one.exists()]):
        folder.mkdir(mode=0o700 if private else _FOLDER, exist_ok=True)
