"""The critical path by phase and unit: one table for terminal and page."""

from __future__ import annotations

import pandas as pd

from accelsim.reports.figures.aggregate import phase_title
from accelsim.reports.figures.selection import on_critical_path
from accelsim.reports.palette import PHASES, UNITS
from accelsim.reports.result import Result
from accelsim.reports.units import human_count, human_percent

CRITICAL_HEADER = ["Phase", "Unit", "Operations", "Cycles", "Computing", "Share"]
CRITICAL_NUMERIC = range(2, 6)
CRITICAL_NOTE = (
    "The chain of operations, each waiting for the one before it or for its unit, whose durations add up to the step."
)


def critical_rows(result: Result) -> list[list[str]]:
    """Readable rows, the most cycles first and the total last; empty when no operation was timed."""
    path = on_critical_path(result.operations)
    if path.empty:
        return []
    total = int(result.operations["end_cycle"].max())
    groups = [(str(phase), str(unit), group) for (phase, unit), group in path.groupby(["phase", "unit"], sort=False)]
    groups.sort(key=lambda item: (-int(item[2]["path_cycles"].sum()), list(PHASES).index(item[0])))
    rows = [[phase_title(phase), UNITS[unit], *_figures(group, total)] for phase, unit, group in groups]
    return [*rows, ["Total", "", *_figures(path, total)]]


def _figures(group: pd.DataFrame, total_cycles: int) -> list[str]:
    cycles, computing = int(group["path_cycles"].sum()), int(group["compute_cycles"].sum())
    return [
        str(len(group)),
        human_count(cycles),
        human_percent(computing / cycles),
        human_percent(cycles / total_cycles),
    ]
