"""From a cluster file to the frozen cluster: the only room that reads the user's YAML."""

from __future__ import annotations

from lbctl.desired.load import load

__all__ = ["load"]
