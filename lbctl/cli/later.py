"""A view that is made while something else is waited for: rich is a seventh of what a plan imports."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbctl.model.event import Event
    from lbctl.views.view import View


class Later:
    """Makes its view at the first event, in a thread, where it shows the events in their order.

    For a command that has its nodes read, and shows the outcome: `now` is the view, for the caller's own
    thread. No event may follow it.
    """

    def __init__(self, make: Callable[[], View]) -> None:
        self._make = make
        self._view: View | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="view")
        self._events: list[Future[None]] = []

    def event(self, event: Event) -> None:
        """Have it shown; returns at once, from any thread."""
        self._events.append(self._thread.submit(self._show, event))

    def _show(self, event: Event) -> None:
        self._made().event(event)

    def _made(self) -> View:
        if self._view is None:
            self._view = self._make()
        return self._view

    def now(self) -> View:
        """The view, after all events. Raises what showing them raised."""
        self._thread.shutdown()
        for shown in self._events:
            shown.result()
        return self._made()

    def close(self) -> None:
        """Take down what is drawn live; safe to call twice."""
        self._thread.shutdown()
        if self._view is not None:
            self._view.close()
