"""What names, paths and hosts are made of, wherever they stand: on the command line, in files, on nodes."""

from __future__ import annotations

import re

NAME = re.compile(r"(?!\.+$)[A-Za-z0-9._][A-Za-z0-9._-]*")
PATH = re.compile(r"/(?:[A-Za-z0-9_@+-][A-Za-z0-9._@/+-]*|\.[A-Za-z0-9_@+-][A-Za-z0-9._@/+-]*)")
HOST = re.compile(r"[A-Za-z0-9._:][A-Za-z0-9._:%-]*")


def is_path(text: str) -> bool:
    """Absolute and normalised, of plain characters: a path that lbctl can manage."""
    plain = PATH.fullmatch(text) and not text.endswith("/") and "//" not in text
    return bool(plain) and not any(part in (".", "..") for part in text.split("/"))
