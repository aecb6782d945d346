"""Each phase against its roof: one table for terminal and page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsim.reports.figures.aggregate import phase_title
from accelsim.reports.result import Result
from accelsim.reports.schema import WHOLE_STEP
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_bytes, human_count, human_percent

HEADER = ["Phase", "Ops", "DRAM", "Ops/B", "Rate", "Limit", "Share", "Bound"]
WIDE_HEADER = [
    "Phase",
    "MACs",
    "Operations",
    "DRAM traffic",
    "Operations per byte",
    "Cycles",
    "Operations per cycle",
    "Limit",
    "Share of limit",
    "Bound by",
]
NOTE = (
    "Operations: two a MAC, and those of lanes. Rate: per cycle in which something of the phase runs or fetches. "
    "Limit: the phase's busiest unit at its peak, or operations a DRAM byte × bandwidth, where that is less. What is "
    "applied as results drain isn't counted as operations."
)
BOUNDS = {"dram": "DRAM", "unit": "unit"}
"""Titles of what limits a phase."""


def _grid(result: Result) -> Grid:
    """One row a phase, and one for the step."""
    rows = [_cells(row) for row in result.roofline.to_dict("records")]
    return Grid(HEADER, rows, range(1, len(HEADER) - 1))


def _wide_grid(result: Result) -> Grid:
    """The same, with MACs and cycles."""
    rows = []
    for row, short in zip(result.roofline.to_dict("records"), _grid(result).rows, strict=True):
        phase, work, moved, intensity, *rest = short
        macs, cycles = (human_count(float(row[name])) for name in ("macs", "cycles"))
        rows.append([phase, macs, work, moved, intensity, cycles, *rest])
    return Grid(WIDE_HEADER, rows, range(1, len(WIDE_HEADER) - 1))


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        "Step" if row["phase"] == WHOLE_STEP else phase_title(str(row["phase"])),
        human_count(float(row["arithmetic_operations"])),
        human_bytes(float(row["dram_bytes"])),
        human_count(float(row["operations_per_dram_byte"])) if row["dram_bytes"] else MISSING,
        human_count(float(row["operations_per_cycle"])),
        human_count(float(row["limit_operations_per_cycle"])),
        human_percent(float(row["share_of_limit"])),
        BOUNDS.get(str(row["bound"]), str(row["bound"])),
    ]


ROOFS = StepTable(
    "Roofline by phase", lambda _: NOTE, _grid, wide_grid=_wide_grid, total=True, yielding=("Ops", "DRAM")
)
