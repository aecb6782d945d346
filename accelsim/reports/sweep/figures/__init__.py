"""Figures of a sweep's page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from accelsim.reports.figure_spec import Drawn, FigureSpec, drawn
from accelsim.reports.sweep.data import SweepData
from accelsim.reports.sweep.figures.effects import effects
from accelsim.reports.sweep.figures.frontier import frontier_figure
from accelsim.reports.sweep.figures.heat_map import heat_map

__all__ = ["FIGURES", "draw_sweep"]


FIGURES: tuple[FigureSpec[SweepData], ...] = (
    FigureSpec(
        "frontier",
        "All points, and those that no other beats",
        "Each mark is a point. The line joins those of which no other point is better on one axis and no worse on the "
        "other; what lies beyond the line is out of reach of this sweep.",
        frontier_figure,
    ),
    FigureSpec(
        "effects",
        "What each field does",
        "A thin line joins points that differ in one field alone, so its slope is what that field does there. The "
        "thick line is the median of all points with that value.",
        effects,
    ),
    FigureSpec(
        "heat_map",
        "Two fields together",
        "The best value that any point with these two values has, whatever its other fields.",
        heat_map,
    ),
)
"""Every figure, in page order."""


def draw_sweep(data: SweepData) -> Drawn[SweepData]:
    """The figures that ``data`` has something to show in."""
    return drawn(FIGURES, data)
