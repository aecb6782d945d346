"""The critical path by phase and unit: one table for terminal and page."""

from __future__ import annotations

import pandas as pd

from accelsim.reports.figures.aggregate import phase_title
from accelsim.reports.figures.selection import on_critical_path
from accelsim.reports.palette import PHASES, UNITS
from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_count, human_percent

HEADER = ["Phase", "Unit", "Operations", "Cycles", "Computing", "DRAM busy", "Share"]
NOTE = (
    "The chain of operations, each waiting for the one before it or for its unit, whose durations add up to the step. "
    "Computing: the unit works. DRAM busy: it waits while DRAM serves operations that go first; more of that unit "
    "wouldn't help, more bandwidth would."
)
PARTS = ("compute_cycles", "stall_dram_busy_cycles")
"""Columns of the operations whose share is shown; a run from before one of them was told apart lacks it."""


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
    cycles = int(group["path_cycles"].sum())
    return [
        str(len(group)),
        human_count(cycles),
        *(human_percent(int(group[part].sum()) / cycles) if part in group else MISSING for part in PARTS),
        human_percent(cycles / total_cycles),
    ]


CRITICAL_PATH = StepTable(
    "Critical path",
    lambda _: NOTE,
    lambda result: Grid(HEADER, critical_rows(result), range(2, len(HEADER))),
    total=True,
    yielding=("Operations", "DRAM busy"),
)
