"""A table of what a step did: one form for terminal and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from accelsim.reports.result import Result
from accelsim.reports.wording import worded


class Grid(NamedTuple):
    """Readable cells; no rows where a Result has nothing to show. ``numeric``: columns of figures."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int]


@dataclass(frozen=True)
class StepTable:
    """``grid`` is what the terminal shows; the page shows ``wide_grid``, where there is one.

    ``note`` says what the reader sees. ``total``: the last row is one. ``yielding``: titles of columns of ``grid`` that
    a narrow terminal does without first.
    """

    title: str
    note: Callable[[Result], str]
    grid: Callable[[Result], Grid]
    wide_grid: Callable[[Result], Grid] | None = None
    total: bool = False
    yielding: Sequence[str] = ()

    def heading(self, result: Result) -> str:
        """The title, as it holds for ``result``."""
        return worded(self.title, result)

    def on_page(self, result: Result) -> Grid:
        """What the page shows."""
        return (self.wide_grid or self.grid)(result)
