"""Plan files: a reviewed plan, kept so that an apply can be held against it. Evidence, never instructions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from lbctl import __version__
from lbctl.errors import PlanFileError
from lbctl.model.plan import Plan
from lbctl.store.atomic import write
from lbctl.store.codec import Json, MalformedError, decode, encode

FORMAT_VERSION = 1
"""Of a plan file. It rises with every change of what a plan holds: older plans are then made again."""

PLAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
AGAIN = "make a new one: lbctl plan --out FILE"


def save_plan(path: Path, plan: Plan) -> None:
    """Write the plan file, whole or not at all, mode 0600. Nothing of a file's content is in it."""
    form: dict[str, Json] = {"format_version": FORMAT_VERSION, "lbctl": __version__, "plan": encode(plan)}
    form["checksum"] = _checksum(form)
    write(path, json.dumps(form, indent=1, sort_keys=True) + "\n")


def load_plan(path: Path, cluster: str | None = None) -> Plan:
    """The plan in a file, equal to the one that was saved.

    With `cluster`, a plan of another one is refused; without, any plan may be looked at. Raises
    PlanFileError: not there, cut short, not a plan, of a newer format, edited, of another cluster.
    """
    form = _parsed(path)
    _same_format(path, form)
    if form.get("checksum") != _checksum(form):
        raise _refusal(path, "was changed after it was saved: its checksum does not fit")
    plan = _decoded(path, form)
    if cluster is not None and plan.cluster != cluster:
        raise PlanFileError(
            f"{path} is a plan of cluster {plan.cluster}, not of {cluster}",
            mend=f"name that cluster's file with -f, or {AGAIN}",
        )
    return plan


def _parsed(path: Path) -> dict[str, Json]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(path, "is not a plan file of lbctl") from error
    except OSError as error:
        mend = "see which there are: ls plans/"
        raise PlanFileError(f"{path} cannot be read: {error.strerror}", mend=mend) from error
    try:
        form = json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith("{"):
            raise _refusal(path, "is cut short: it ends in the middle", detail=str(error)) from error
        raise _refusal(path, "is not a plan file of lbctl") from error
    if not isinstance(form, dict) or "format_version" not in form or "plan" not in form:
        raise _refusal(path, "is not a plan file of lbctl")
    return form


def _same_format(path: Path, form: Mapping[str, Json]) -> None:
    version = form["format_version"]
    if version == FORMAT_VERSION:
        return
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise PlanFileError(
            f"{path} has format {version}; this lbctl ({__version__}) reads format {FORMAT_VERSION}",
            mend=f"use the lbctl that made it ({form.get('lbctl', 'unknown')}), or {AGAIN}",
        )
    raise _refusal(path, f"has format {version}, which this lbctl ({__version__}) no longer reads")


def _decoded(path: Path, form: Mapping[str, Json]) -> Plan:
    try:
        plan = decode(Plan, form["plan"], "plan")
    except MalformedError as error:
        raise _refusal(path, "does not hold what a plan of this lbctl holds", detail=str(error)) from error
    # An id becomes a file's name when the plan is used
    if not PLAN_ID.fullmatch(plan.id):
        raise _refusal(path, "has an id that lbctl never gives")
    return plan


def _checksum(form: Mapping[str, Json]) -> str:
    rest = {name: value for name, value in form.items() if name != "checksum"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _refusal(path: Path, what: str, detail: str = "") -> PlanFileError:
    return PlanFileError(f"{path} {what}", detail=detail, mend=AGAIN)
