"""The lab: a cluster's nodes, controllers and clients on this machine, on a network that leads nowhere.

`find` and the registry are cheap; everything else is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lbctl.lab.registry import Found, find

if TYPE_CHECKING:
    from lbctl.lab.lab import Lab, down
    from lbctl.lab.spec import (
        LabBastion,
        LabClient,
        LabController,
        LabLink,
        LabNetwork,
        LabNode,
        LabRouter,
        LabSpec,
    )

__all__ = [
    "Found",
    "Lab",
    "LabBastion",
    "LabClient",
    "LabController",
    "LabLink",
    "LabNetwork",
    "LabNode",
    "LabRouter",
    "LabSpec",
    "down",
    "find",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "lbctl.lab.lab" if name in ("Lab", "down") else "lbctl.lab.spec"
    return getattr(import_module(home), name)
