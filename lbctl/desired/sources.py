"""Files that the cluster file names beside itself (`from:`, `file:`). They stay within its directory."""

from __future__ import annotations

from pathlib import Path

from lbctl.desired.tree import Findings
from lbctl.errors import Place

MOST_BYTES = 16 * 1024 * 1024


def source(base: Path, name: str, place: Place, findings: Findings) -> bytes | None:
    """The bytes of the file, or None with the reason in `findings`.

    A path that is absolute or leads out of `base`, also through a symlink, is refused: reading an unreviewed
    cluster file must not show what else the reader may read.
    """
    path = base / name
    try:
        inside = path.resolve().is_relative_to(base.resolve())
        if Path(name).is_absolute() or not inside:
            mend = "put it beside the cluster file; only secrets may stand elsewhere"
            findings.error(f"{name} is outside the cluster file's directory", place, mend)
            return None
        if path.exists() and not path.is_file():
            findings.error(f"{name} is not a regular file", place, "name another")
            return None
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        findings.error(f"{name} cannot be read: {reason}", place, "relative to the cluster file")
        return None
    if len(data) > MOST_BYTES:
        findings.error(f"{name} is larger than {MOST_BYTES // 1024 // 1024} MiB", place, "name another")
        return None
    findings.sources[str(Path(name))] = data
    return data
