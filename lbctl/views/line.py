"""Lines of the human view: a head that stays in its column, and a body that may wrap beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from lbctl.errors import LbctlError, NodeError, Problem
from lbctl.views.escape import safe, safe_lines

Part = str | tuple[str, str]
"""Text, or text with its style. Never markup."""

INDENT, GAP = 2, 2
LEVELS = {"error": "bold red", "unsafe": "bold yellow", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True)
class Line:
    """`wrap` = False for what a person copies: commands. `hang` indents what wraps further than the head."""

    head: Text
    body: Text = field(default_factory=Text)
    wrap: bool = True
    hang: int = 0


def line(*body: Part, head: Sequence[Part] = (), wrap: bool = True, hang: int = 0) -> Line:
    """A line of parts, each made safe here."""
    return Line(text(*head), text(*body), wrap, hang)


def text(*parts: Part) -> Text:
    """Text of parts, each made safe."""
    made = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        made.append(safe(words), style or None)
    return made


def title(words: str) -> Iterator[Line]:
    """A blank line and a section's name."""
    yield line()
    yield line((words, "bold"))


def columns(rows: Sequence[Sequence[Part]], indent: int = INDENT) -> Iterator[Line]:
    """Rows with their columns under each other; the last column may wrap."""
    cells = [[text(part) for part in row] for row in rows]
    widths = _widths(cells)
    for row in cells:
        head = Text(" " * indent)
        for cell, wide in zip(row[:-1], widths, strict=False):
            head.append_text(cell).append(" " * (wide - cell_len(cell.plain) + GAP))
        yield Line(head, row[-1])


def width(rows: Sequence[Sequence[Part]], indent: int = INDENT) -> int:
    """How wide these rows are as columns, where nothing wraps."""
    widths = _widths([[text(part) for part in row] for row in rows])
    return indent + sum(widths) + GAP * (len(widths) - 1)


def _widths(cells: Sequence[Sequence[Text]]) -> list[int]:
    return [max(cell_len(cell.plain) for cell in column) for column in zip(*cells, strict=True)]


def names(nodes: Sequence[str], most: int = 8) -> str:
    """Node names for a line; past `most` the rest is a number."""
    if len(nodes) <= most:
        return ", ".join(nodes)
    return f"{', '.join(nodes[:3])} and {len(nodes) - 3} more"


def count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def seconds(value: float) -> str:
    """A duration as a person says it."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def problem_lines(problems: Iterable[Problem], *, allow: bool = False) -> Iterator[Line]:
    """One finding after the other. `allow` names the option by which an unsafe one is let through."""
    for problem in problems:
        where = f"{problem.place}: " if problem.place else ""
        code = f" [{problem.code}]" if problem.code else ""
        level = (problem.level + code, LEVELS.get(problem.level, "bold"))
        yield line(where, problem.text, head=("  ", level, "  "))
        for advice in safe_lines(problem.mend):
            yield line((advice, "dim"), head=("      ",))
        if allow and problem.level == "unsafe" and f"--allow {problem.code}" not in problem.mend:
            yield line(("to let it through: ", "dim"), f"--allow {problem.code}", head=("      ",))


def error_lines(error: LbctlError) -> Iterator[Line]:
    """Summary, detail, advice."""
    yield line(error.summary, head=(("Error: ", "bold red"),))
    for words in safe_lines(error.detail):
        yield line(words, head=("  ",), hang=2)
    for words in safe_lines(error.mend):
        yield line((words, "bold"), head=("  ",), wrap=False)


def why(error: NodeError) -> str:
    """A node's error in one line, without the node's name."""
    return error.summary.removeprefix(f"{error.node}: ")


def moved_version(before: str, after: str) -> str:
    """A package's version, and the other one where there are two."""
    return (before or "none") + (f" → {after or 'none'}" if after != before else "")
