"""A run's folder as one file that can be given away. What is in it was masked when it was kept."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from lbctl.errors import LocalError
from lbctl.model.record import KeptRun, Pack, PackedFile
from lbctl.store.atomic import write_new


def pack(folder: Path, run: KeptRun, out: Path) -> Pack:
    """Write the folder to `out` (tar, gzip, mode 0600), below one directory. Raises LocalError.

    Refuses to overwrite. Nothing but regular files gets in, and nothing of whose they are.
    """
    packed: list[PackedFile] = []
    top = f"lbctl-report-{run.id}"

    def listed(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if not (info.isreg() or info.isdir()) or Path(info.name).name.startswith("."):
            return None
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        if info.isreg():
            packed.append(PackedFile(info.name.removeprefix(f"{top}/"), info.size))
        return info

    data = io.BytesIO()
    try:
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            archive.add(folder, top, filter=listed)
    except OSError as error:
        raise LocalError(f"cannot read {folder}", detail=str(error)) from error
    write_new(out, data.getvalue())
    return Pack(run, str(out), tuple(packed))
