"""What operations wait for before they hold their unit, and what holds the unit up then: one table, by cause."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.reports.figures.aggregate import by_phase, phase_title
from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_count

NOTE = (
    "Cycles, added up over operations, which wait side by side. Before an operation holds its unit: until what it "
    "reads is made (its unit idle), then until its results have room on chip, then until the unit is free. After that: "
    "why the unit stands still."
)
BEFORE = {
    "dependency_cycles": "Before: what it reads",
    "room_cycles": "Before: room on chip",
    "wait_cycles": "Before: unit busy",
}
"""Titles by column of what comes before an operation holds its unit."""
HELD = {
    "dram_latency": "DRAM latency",
    "first_tile": "First tile",
    "operands": "Later tiles",
    "output_buffer": "Output buffer full",
    "last_tile": "Last tile",
    "dram_row": "DRAM rows",
    "dram_turnaround": "DRAM turnaround",
    "refresh": "DRAM refresh",
    "dram_busy": "DRAM busy with others",
    "revisit": "Folds visited again",
    "buffer_port": "Buffer port",
    "conversion": "Lanes in the drain",
}
"""Titles by cause of a stall; a level between DRAM and the buffers has its own name."""


def waits_by_phase(operations: pd.DataFrame) -> pd.DataFrame:
    """Cycles by cause (rows, as titles) and phase (columns); causes that never occur are left out."""
    stalls = {name: _stall_title(name) for name in operations.columns if _is_stall(str(name))}
    titles = {name: title for name, title in BEFORE.items() if name in operations} | stalls
    found = by_phase(operations, list(titles)).rename(columns=titles).T
    return found[found.sum(axis=1) > 0]


def _is_stall(column: str) -> bool:
    return column.startswith("stall_") and column != "stall_cycles"


def _stall_title(column: str) -> str:
    cause = column.removeprefix("stall_").removesuffix("_cycles")
    return HELD.get(cause, cause.replace("_", " ").capitalize())


def _grid(result: Result) -> Grid:
    """Cycles of all phases together."""
    return _table(waits_by_phase(result.operations), [])


def _grid_by_phase(result: Result) -> Grid:
    """The same, with those of each phase."""
    found = waits_by_phase(result.operations)
    return _table(found, found.columns.tolist())


def _table(found: pd.DataFrame, phases: Sequence[str]) -> Grid:
    header = ["Cause", *map(phase_title, phases), "Cycles"]
    rows = []
    for title, cycles in found.iterrows():
        parts = [*(float(cycles[phase]) for phase in phases), float(cycles.sum())]
        rows.append([str(title), *(human_count(part) if part else MISSING for part in parts)])
    return Grid(header, rows, range(1, len(header)))


WAITS = StepTable("What operations wait for", lambda _: NOTE, _grid, wide_grid=_grid_by_phase)
