"""Findings as SARIF 2.1.0, the form in which GitHub, GitLab and editors take them.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; a result without a line is about the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import quote

from lbctl import __version__
from lbctl.lint import rules
from lbctl.model.finding import Finding, LintReport, Rule
from lbctl.views.escape import plain_unicode
from lbctl.views.json_forms import Json

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "unsafe": "error", "warning": "warning", "note": "note"}


def sarif_document(report: LintReport) -> str:
    """One run, with the rules that it found something of."""
    codes = sorted({one.problem.code for one in report.findings if one.problem.code})
    driver = {
        "name": "lbctl",
        "version": __version__,
        "rules": [_rule(code, rules().get(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one) for one in report.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str, known: Rule | None) -> Mapping[str, Json]:
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": " ".join(known.why.split())},
        "help": {"text": f"{known.mend}\nSource: {known.source}"},
    }


def _result(one: Finding) -> Mapping[str, Json]:
    problem = one.problem
    on = f"{', '.join(one.nodes)}: " if one.nodes else ""
    mend = f"\n{problem.mend}" if problem.mend else ""
    return {
        **({"ruleId": problem.code} if problem.code else {}),
        "level": LEVELS.get(problem.level, "warning"),
        "message": {"text": plain_unicode(f"{on}{problem.text}{mend}")},
        "locations": [_location(one)] if problem.place else [],
    }


def _location(one: Finding) -> Mapping[str, Json]:
    place = one.problem.place
    assert place is not None
    physical: dict[str, Json] = {
        "artifactLocation": {"uri": quote(os.fsencode(PurePath(place.file).as_posix()))}
    }
    if place.line:
        region: dict[str, Json] = {"startLine": place.line}
        if place.column:
            region["startColumn"] = place.column
        physical["region"] = region
    return {"physicalLocation": physical}
