"""Writing files so that a reader sees the old one or the new one, whole, and nobody but its owner."""

from __future__ import annotations

import os
from pathlib import Path

from lbctl.errors import LocalError

PRIVATE_FILE = 0o600
PRIVATE_DIR = 0o700


def make_dir(path: Path) -> Path:
    """The directory, made with its parents when missing: mode 0700. Existing ones keep their mode."""
    try:
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for directory in reversed(missing):
            directory.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    except OSError as error:
        raise LocalError(f"cannot make {path}", detail=str(error)) from error
    return path


def write(path: Path, text: str | bytes) -> None:
    """Replace `path` in one instant: temporary file beside it, fsync, rename, fsync of the directory."""
    make_dir(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode() if isinstance(text, str) else text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        _sync_dir(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise LocalError(f"cannot write {path}", detail=str(error)) from error


def append_line(path: Path, text: str) -> None:
    """Add one line in one write, so that two writers never mix theirs; a torn last line is ended first."""
    make_dir(path.parent)
    torn = read(path)[-1:] not in ("", "\n")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        try:
            os.write(descriptor, f"{chr(10) if torn else ''}{text}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LocalError(f"cannot write {path}", detail=str(error)) from error


def write_new(path: Path, data: bytes) -> None:
    """A file of its own, mode 0600. Raises LocalError when there is one already, whatever it is."""
    make_dir(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError as error:
        raise LocalError(f"{path} is there already", mend="name another one with --out") from error
    except OSError as error:
        raise LocalError(f"cannot write {path}", detail=str(error)) from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise LocalError(f"cannot write {path}", detail=str(error)) from error


def read(path: Path) -> str:
    """The file's text, "" when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"cannot read {path}", detail=str(error)) from error


def _sync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
