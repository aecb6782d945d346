"""Whole phases, and the step, as marks of the roofline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd

from accelsim.reports.figures.aggregate import phase_title
from accelsim.reports.figures.style import Trace, points
from accelsim.reports.palette import phase_colour
from accelsim.reports.schema import WHOLE_STEP
from accelsim.reports.units import human_bytes, human_count, human_percent

NAME = "Whole phases"
"""In the legend."""


def phase_marks(roofs: pd.DataFrame, edge: float) -> list[Trace]:
    """A diamond for each row of the table of phases, all in one trace; at ``edge`` where it has no DRAM traffic."""
    rows = [row for row in roofs.to_dict("records") if row["arithmetic_operations"] > 0]
    if not rows:
        return []
    return [
        points(
            x=[row["operations_per_dram_byte"] if row["dram_bytes"] else edge for row in rows],
            y=[row["operations_per_cycle"] for row in rows],
            mode="markers",
            name=NAME,
            marker={
                "color": [phase_colour(str(row["phase"])) for row in rows],
                "line": {"color": "#1f2430", "width": 2},
                "size": 15,
                "symbol": "diamond",
            },
            hovertext=[_hover(row) for row in rows],
            hoverinfo="text",
        )
    ]


def _hover(row: Mapping[Hashable, object]) -> str:
    rate, limit, share, work, cycles, moved = (
        float(str(row[name]))
        for name in (
            "operations_per_cycle",
            "limit_operations_per_cycle",
            "share_of_limit",
            "arithmetic_operations",
            "cycles",
            "dram_bytes",
        )
    )
    title = "Whole step" if row["phase"] == WHOLE_STEP else phase_title(str(row["phase"]))
    bound = "DRAM" if row["bound"] == "dram" else "its busiest unit"
    return (
        f"<b>{title}</b>, all operations together"
        f"<br>{human_count(rate)} operations per cycle, {human_percent(share)} of its limit of {human_count(limit)}"
        f"<br>bound by {bound}"
        f"<br>{human_count(work)} operations in {human_count(cycles)} cycles, {human_bytes(moved)}"
    )
