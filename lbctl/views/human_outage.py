"""What a rollout cost the clients, as lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lbctl.model.outage import Figures, Outage, SilentPort
from lbctl.views.line import Line, Part, columns, count, line, names, seconds

_BLIND = 2.0  # seconds without anybody who asks that are worth a word; a change of the asking node takes less


def outage_lines(outage: Outage) -> Iterator[Line]:
    """The steps in which requests failed, what was not asked, and all of it in one line."""
    if outage.off:
        yield line((f"probe: off, because {outage.off}", "dim"))
        return
    lost = [one for one in outage.steps if one.figures.failed]
    if lost:
        head: tuple[Part, ...] = tuple(
            (word, "dim") for word in ("failed in", "nodes", "failed", "asked", "longest gap")
        )
        yield from columns(
            [head]
            + [
                (
                    one.step,
                    names(one.nodes),
                    (str(one.figures.failed), "red"),
                    str(one.figures.asked),
                    seconds(one.figures.longest_gap),
                )
                for one in lost
            ]
        )
    if outage.silent:
        yield line((f"did not answer before, and are not counted: {_silent(outage.silent)}", "yellow"))
    if outage.blind > _BLIND:
        yield line((f"nobody asked for {seconds(outage.blind)}", "yellow"))
    yield line((_summary(outage), "red" if outage.figures.failed else "green"), *_more(outage))


def _summary(outage: Outage) -> str:
    if len(outage.silent) == outage.ports:
        return "probe: no port answered before, so nothing was counted"
    figures = outage.figures
    said = f"probe: {figures.failed} of {_thousands(figures.asked)} requests failed"
    said += f", longest gap {seconds(figures.longest_gap)}"
    return said + (f", outage {seconds(outage.outage)} in all" if figures.failed else "")


def _more(outage: Outage) -> Iterator[Part]:
    if outage.too_long:
        yield f", more than --max-outage {outage.most:g}"
    yield from _closed(outage.figures)
    if outage.places:
        yield (f" (from {names(tuple(dict.fromkeys(outage.places)))})", "dim")


def _closed(figures: Figures) -> Iterator[Part]:
    if figures.closed:
        kept = count(figures.closed, "kept-alive connection")
        yield f"; {kept} closed between requests"


def _silent(ports: tuple[SilentPort, ...]) -> str:
    """By port where they are few; by what they said otherwise."""
    if len(ports) <= 6:
        return ", ".join(f"{one.port} ({one.what})" for one in ports)
    by = Counter(one.what for one in ports)
    return ", ".join(f"{count(number, 'port')} ({what})" for what, number in by.items())


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", " ")
