"""HAProxy's times: a number and its unit, milliseconds where there is none.

Source: configuration manual 2.6, 2.5 "Time format".
"""

from __future__ import annotations

import re

_TIME = re.compile(r"(\d{1,12})(us|ms|s|m|h|d)?")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float | None:
    """The time in seconds; None for what is none, a variable for one."""
    match = _TIME.fullmatch(text)
    return int(match[1]) * _UNITS[match[2] or "ms"] if match else None
