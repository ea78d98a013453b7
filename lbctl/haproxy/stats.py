"""HAProxy's `show stat`: CSV with a header that begins with `# `."""

from __future__ import annotations

import csv

from lbctl.model.facts import ServerState


def servers(text: str) -> tuple[ServerState, ...]:
    """Every server line."""
    rows = csv.DictReader(text.strip().removeprefix("# ").splitlines())
    return tuple(
        ServerState(row["pxname"], row["svname"], row["status"], _number(row, "scur") + _number(row, "qcur"))
        for row in rows
        if row.get("svname") not in ("FRONTEND", "BACKEND", None)
    )


def _number(row: dict[str, str], name: str) -> int:
    """What has no such column, or nothing in it, has none."""
    return int(row.get(name) or 0)
