"""HAProxy's `show stat`: CSV with a header that begins with `# `."""

from __future__ import annotations

import csv

from lbctl.model.facts import ServerState


def servers(text: str) -> tuple[ServerState, ...]:
    """Backend, server and status of every server line."""
    rows = csv.DictReader(text.strip().removeprefix("# ").splitlines())
    return tuple(
        ServerState(row["pxname"], row["svname"], row["status"])
        for row in rows
        if row.get("svname") not in ("FRONTEND", "BACKEND", None)
    )
