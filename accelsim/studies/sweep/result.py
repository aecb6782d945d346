"""What a sweep returns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd

from accelsim.reports.sweep import SweepData, frontier, metric_of
from accelsim.reports.sweep.notebook import sweep_view
from accelsim.simulation.assemble import versions
from accelsim.studies.sweep.asked import Asked


class Sweep:
    """All points of a sweep; ``table`` has one row for each point and seed."""

    def __init__(
        self,
        table: pd.DataFrame,
        asked: Asked,
        assumptions: Sequence[str],
        folder: Path | None,
        *,
        searched: bool,
        axes: Sequence[str] | None,
    ) -> None:
        """``axes`` are two columns, or None for the usual ones."""
        self.table, self.asked, self.folder = table, asked, folder
        self._assumptions, self._searched, self._axes = assumptions, searched, axes

    @cached_property
    def data(self) -> SweepData:
        """As tables and figures of the reports take it."""
        return SweepData(self.table, self.asked.fields, self._assumptions, versions(), self._searched, self._axes)

    def frontier(self, x: str | None = None, y: str | None = None) -> pd.DataFrame:
        """The points that no other one beats in both columns ``x`` and ``y``: means over seeds, sorted by ``x``.

        Without them the columns are those that the sweep was asked to show: ``data.axes``.

        More is better of accuracy, throughput, utilisation and TOPS/W; less is, of any other column of numbers.

        Raises:
            UserError: the table has no such column of numbers.
        """
        points, usual = self.data.points, self.data.axes
        x, y = x or usual[0], y or usual[1]
        found = frontier(points, metric_of(x, points), metric_of(y, points))
        of_one_seed = {"seed", "key", "command"} if self.data.several_seeds else set()
        return found[[name for name in self.table if name not in of_one_seed]].reset_index(drop=True)

    def __repr__(self) -> str:
        points, failed = self.table["point"].nunique(), len(self.data.failed)
        refused = f", {failed} refused" if failed else ""
        return f"<Sweep of {self.data.title} over {', '.join(self.asked.fields) or 'seeds'}: {points} points{refused}>"

    def _repr_html_(self) -> str:
        return sweep_view(self.data)
