"""What is under way: redrawn in place on a terminal, plain lines without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from lbctl.model.event import ConnectionLost, StepStarted
from lbctl.model.plan import Step
from lbctl.views.line import Part, names, seconds, text

Clock = Callable[[], float]


class Progress:
    """Steps and nodes under way. Draws only on a terminal; `close` wipes what is drawn."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self.console = console
        self.clock = clock
        self.steps: dict[Step, StepStarted] = {}
        self.since: dict[Step, float] = {}
        self.reading: list[str] = []
        self.lost: dict[str, float] = {}
        self.nodes = 0
        self.began = 0.0
        self.failed: int | None = None
        self.live: Live | None = None

    def read(self, nodes: tuple[str, ...]) -> None:
        """The nodes are about to be read."""
        self.reading, self.nodes, self.began = list(nodes), len(nodes), self.clock()
        self._draw()

    def was_read(self, node: str) -> None:
        """One of them has been."""
        if node in self.reading:
            self.reading.remove(node)
        self._draw()

    def start(self, event: StepStarted) -> None:
        """A step is under way."""
        self.steps[event.step], self.since[event.step] = event, self.clock()
        self._draw()

    def end(self, step: Step) -> StepStarted | None:
        """A step is over; its start, if it was seen."""
        self.since.pop(step, None)
        started = self.steps.pop(step, None)
        self._draw()
        return started

    def wait(self, event: ConnectionLost) -> None:
        """A node is waited for."""
        self.lost[event.node] = self.clock()
        self._draw()

    def waited(self, node: str) -> None:
        """No longer."""
        self.lost.pop(node, None)
        self._draw()

    def probed(self, failed: int) -> None:
        """So many requests have failed until now."""
        self.failed = failed
        self._draw()

    def close(self) -> None:
        """Wipe what is drawn. What is still under way stays known."""
        if self.live:
            self.live.stop()
            self.live = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for spinner, parts in self._rows():
            grid = Table.grid(padding=(0, 1))
            grid.add_row(spinner, _fitted(parts, options.max_width - 3))
            yield grid

    def _rows(self) -> Iterator[tuple[Spinner, tuple[Part, ...]]]:
        now = self.clock()
        if self.reading:
            done = f"reading nodes, {self.nodes - len(self.reading)} of {self.nodes} done"
            yield self._spinner(now), (done, (f"  waiting for {names(self.reading)}", "dim"))
        for step, event in self.steps.items():
            elapsed = (f"  {seconds(now - self.since[step])}{self._lost()}", "dim")
            yield self._spinner(now), (*step_head(step, event), step.text, elapsed)

        for node, since in self.lost.items():
            elapsed = (f"  {seconds(now - since)}", "dim")
            yield self._spinner(now), ((node, "cyan"), "  waiting for a new connection", elapsed)

    def _lost(self) -> str:
        return "" if self.failed is None else f"  {self.failed} failed"

    def _spinner(self, now: float) -> Spinner:
        spinner = Spinner("dots")
        spinner.start_time = self.began  # one phase for all, and no jump when a row comes or goes
        return spinner

    def _draw(self) -> None:
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            return
        if not (self.steps or self.reading or self.lost):
            self.close()
        elif self.live is None:
            self.live = Live(self, console=self.console, transient=True, refresh_per_second=8)
            self.live.start()


def _fitted(parts: Sequence[Part], width: int) -> Text:
    """One row: the last part, how long it takes, stays whole; what is before it is cut."""
    *before, last = parts
    end = text(last)
    row = text(*before)
    row.truncate(max(width - end.cell_len, 1), overflow="ellipsis")
    return row + end


def step_head(step: Step, started: StepStarted | None) -> tuple[Part, ...]:
    """`[ 4/22] lb3  swap      `."""
    number = ""
    if started:
        width = len(str(started.of))
        number = f"[{started.number:>{width}}/{started.of}] "
    return ((number, "dim"), (step.node, "cyan"), "  ", (f"{step.name!s:<8}", "bold"), "  ")
