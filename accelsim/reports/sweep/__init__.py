"""A sweep as tables for the terminal and as a page: functions of its table."""

from accelsim.reports.sweep.data import SweepData
from accelsim.reports.sweep.metrics import check_axes, check_figures, metric_of
from accelsim.reports.sweep.page import sweep_page
from accelsim.reports.sweep.pareto import frontier
from accelsim.reports.sweep.terminal import (
    alike_line,
    best_table,
    failed_lines,
    frontier_table,
    recompute_line,
    runs_as_line,
    spread_line,
    warned_lines,
)

__all__ = [
    "SweepData",
    "alike_line",
    "best_table",
    "check_axes",
    "check_figures",
    "failed_lines",
    "frontier",
    "frontier_table",
    "metric_of",
    "recompute_line",
    "runs_as_line",
    "spread_line",
    "sweep_page",
    "warned_lines",
]
