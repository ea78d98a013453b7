"""The runs that are kept, and one that was packed, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.model.record import KeptRun, Pack
from lbctl.views.line import Line, Part, columns, count, line, names, seconds

STYLES = {"done": "green", "stopped": "yellow", "under way": "cyan"}


def run_lines(runs: Sequence[KeptRun]) -> Iterator[Line]:
    """A table, the latest run last, and how to get at one of them."""
    if not runs:
        yield line(("No run is kept yet. An apply from this workspace keeps one.", "bold"))
        return
    head: tuple[Part, ...] = tuple(
        (word, "dim") for word in ("run", "what", "who", "took", "outcome", "nodes")
    )
    yield from columns([head, *map(_row, runs)])
    yield line()
    yield line(
        (f"{count(len(runs), 'run')}. ", "bold"), "Pack one: lbctl report RUN, or: lbctl report latest"
    )


def _row(run: KeptRun) -> tuple[Part, ...]:
    record, report = run.record, run.report
    what, who = (record.what, record.who) if record else ("?", "?")
    took = seconds(report.seconds) if report else ""
    return (run.id, what, who, took, (run.outcome, STYLES.get(run.outcome, "bold red")), _nodes(run))


def _nodes(run: KeptRun) -> str:
    """Where they stand after it; of one without a report only which they are."""
    if run.report is None:
        return names(run.record.nodes) if run.record else "?"
    found: dict[str, list[str]] = {}
    for node in run.report.nodes:
        found.setdefault(node.what, []).append(node.node)
    return "; ".join(f"{what}: {names(nodes)}" for what, nodes in found.items())


def pack_lines(pack: Pack) -> Iterator[Line]:
    """What is in it, and the outcome as the last line."""
    yield from columns([(one.name, (_size(one.size), "dim")) for one in pack.contents])
    yield line()
    if pack.run.under_way:
        yield line(("This run is still under way.", "yellow"))
    yield line("Secrets are masked. Names and addresses are not: look through it before you pass it on.")
    files = count(len(pack.contents), "file")
    yield line((f"Packed: {pack.file}", "bold green"), f" ({files} of run {pack.run.id})", wrap=False)


def _size(size: int) -> str:
    return f"{size} B" if size < 10_000 else f"{size / 1000:.0f} kB"
