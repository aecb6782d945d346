"""The critical path of the training step, on the units that it runs over."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.selection import on_critical_path
from accelsim.reports.figures.timeline import draw_intervals
from accelsim.reports.result import Result


def critical_path(result: Result) -> go.Figure | None:
    """One row a unit, one bar an operation of the path, coloured by phase; None when no operation was timed."""
    path = on_critical_path(result.operations)
    return draw_intervals(path.assign(end_cycle=path["start_cycle"] + path["path_cycles"]))
