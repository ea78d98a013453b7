"""A new workspace: what a directory needs to describe a cluster; what is there already is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from lbctl.errors import LocalError, UsageError

CLUSTER_FILE = "cluster.yaml"
PRIVATE = ("plans", "state")
IGNORED = "# evidence and secrets stay out of the repository\n/plans/\n/state/\n/secrets/\n"


def make(directory: Path) -> tuple[Path, ...]:
    """Make the workspace and give what was made. Raises UsageError where there is one already."""
    target = directory / CLUSTER_FILE
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already", mend="name another directory: lbctl init DIR")
    try:
        return tuple(_made(directory))
    except OSError as error:
        raise LocalError(f"{error.filename} cannot be made: {error.strerror}") from error


def example() -> str:
    """The cluster file that a new workspace begins with."""
    return (files("lbctl.workflows") / "new_cluster.txt").read_text(encoding="utf-8")


def _made(directory: Path) -> Iterator[Path]:
    yield from prepared(directory)
    # "x": whoever made one in the meantime keeps it
    with (directory / CLUSTER_FILE).open("x", encoding="utf-8") as opened:
        opened.write(example())
    yield directory / CLUSTER_FILE


def prepared(directory: Path) -> Iterator[Path]:
    """The directory with all that a workspace has but its cluster file; what had to be made."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in PRIVATE:
        private = directory / name
        if not private.exists():
            private.mkdir(mode=0o700)
            yield private
    ignore = directory / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")
        yield ignore
