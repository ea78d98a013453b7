"""Findings and what their codes mean, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.model.finding import LEVELS, Finding, LintReport, Rule
from lbctl.views.escape import safe_lines
from lbctl.views.line import LEVELS as STYLES
from lbctl.views.line import Line, columns, count, line, names, title


def finding_lines(report: LintReport) -> Iterator[Line]:
    """A finding: place, level and code; what; the mend. The last line counts them."""
    for one in report.findings:
        yield from _finding(one)
    yield line((_summary(report), "bold"))
    if report.findings:
        yield line(("why, and where it is known from: lbctl explain CODE", "dim"))


def _finding(one: Finding) -> Iterator[Line]:
    problem = one.problem
    where = f"{problem.place}: " if problem.place else ""
    code = f" [{problem.code}]" if problem.code else ""
    on = (f"  {names(one.nodes)}", "cyan") if one.nodes else ""
    yield line((where, "bold"), (problem.level + code, STYLES.get(problem.level, "bold")), on)
    yield line(problem.text, head=("    ",))
    for advice in safe_lines(problem.mend):
        yield line((advice, "dim"), head=("    mend: ",))


def plan_finding_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """Of a plan's findings those that it would bring, whole; how many there are already, in a line."""
    new = [one for one in findings if not one.known]
    if findings:
        yield from title("Lint")
    for one in new:
        yield from _finding(one)
    old = [one for one in findings if one.known]
    if old:
        counts = ", ".join(_counts(old))
        yield line((f"on the nodes already: {counts}", "dim"), (" (lbctl lint)", "dim"), head=("  ",))


def _counts(findings: Sequence[Finding]) -> list[str]:
    numbers = [(sum(one.problem.level == level for one in findings), level) for level in LEVELS]
    return [count(number, level) for number, level in numbers if number]


def _summary(report: LintReport) -> str:
    return f"{report.of}: {', '.join(_counts(report.findings)) or 'nothing found'}."


def rule_lines(rules: Sequence[Rule], *, whole: bool) -> Iterator[Line]:
    """Every code on a line of its own; one alone with everything that is known of it."""
    if not whole:
        yield from columns(
            [((one.code, "bold"), (one.level, STYLES.get(one.level, "")), one.title) for one in rules]
        )
        return
    for one in rules:
        level = ((f"  {one.level}", STYLES.get(one.level, "")),) if one.level else ()
        yield line((one.code, "bold"), *level)
        yield line(one.title)
        for words, text in (("Why", one.why), ("What to do", one.mend), ("Known from", one.source)):
            yield from title(words)
            yield line(" ".join(text.split()), head=("  ",))
