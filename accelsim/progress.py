"""Telling an observer how long work goes on; by default nobody listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Observer:
    """Hears of every long piece of work; the command line turns it into progress bars."""

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        """Work of ``total`` ``unit`` begins, ``done`` of it already behind us."""

    def advance(self, task: str, amount: int = 1, note: str = "") -> None:
        """``amount`` more is done; ``note`` is a short figure to show beside it."""

    def simulated(self, task: str, cycles: int) -> None:
        """In ``task`` so many clock cycles of the accelerator more have gone by."""

    def finish(self, task: str) -> None:
        """The work is over."""

    def measured(self, what: str, figures: Mapping[str, float | None]) -> None:
        """Figures of something that has just ended, an ``epoch`` for instance, by name; None where one is unknown."""

    def say(self, text: str) -> None:
        """A sentence for the user."""


@contextmanager
def watched(observer: Observer, task: str, total: int, unit: str, done: int = 0) -> Iterator[None]:
    """Announce ``task`` for as long as the block runs."""
    observer.start(task, total, unit, done)
    try:
        yield
    finally:
        observer.finish(task)
