"""The cluster's name alone: looking back must work while the file is being edited."""

from __future__ import annotations

from pathlib import Path

from lbctl.desired.read import read
from lbctl.desired.tree import Findings, Scalar
from lbctl.errors import InputError, Place
from lbctl.model.spelling import NAME


def name_of(path: Path) -> str:
    """What a cluster file calls its cluster, whatever else is wrong with it. Raises InputError."""
    findings = Findings(str(path))
    tree = read(path, findings)
    found = tree.get("cluster") if tree is not None else None
    if tree is not None and isinstance(found, Scalar) and NAME.fullmatch(found.text):
        return found.text
    if tree is not None:
        findings.error("it does not say which cluster it is of", Place(str(path)), "add `cluster: NAME`")
    raise InputError(findings.all)
