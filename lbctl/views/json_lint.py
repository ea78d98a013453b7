"""Findings and codes as JSON values; documented in docs/json.md."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.model.finding import LEVELS, LintReport, Rule
from lbctl.views.escape import plain_unicode
from lbctl.views.json_forms import Json, finding_form


def lint_form(report: LintReport) -> Mapping[str, Json]:
    return {
        "of": plain_unicode(report.of),
        "findings": [finding_form(one) for one in report.findings],
        "summary": {level: report.count(level) for level in LEVELS},
    }


def rule_form(rule: Rule) -> Mapping[str, Json]:
    words = {"title": rule.title, "why": rule.why, "mend": rule.mend, "source": rule.source}
    return {
        "code": rule.code,
        "level": rule.level or None,
        **{key: " ".join(text.split()) for key, text in words.items()},
    }
