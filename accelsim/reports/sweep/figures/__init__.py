"""Figures of a sweep's page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from accelsim.reports.sweep.data import SweepData
from accelsim.reports.sweep.figures.effects import effects
from accelsim.reports.sweep.figures.frontier import frontier_figure
from accelsim.reports.sweep.figures.heat_map import heat_map

__all__ = ["FIGURES", "SweepFigure", "draw_sweep"]


@dataclass(frozen=True)
class SweepFigure:
    """A figure of the page; ``draw`` returns None where the sweep has nothing to show."""

    name: str
    title: str
    explanation: str
    draw: Callable[[SweepData], go.Figure | None]


FIGURES = (
    SweepFigure(
        "frontier",
        "All points, and those that no other beats",
        "Each mark is a point. The line joins those of which no other point is better on one axis and no worse on the "
        "other; what lies beyond the line is out of reach of this sweep.",
        frontier_figure,
    ),
    SweepFigure(
        "effects",
        "What each field does",
        "A thin line joins points that differ in one field alone, so its slope is what that field does there. The "
        "thick line is the median of all points with that value.",
        effects,
    ),
    SweepFigure(
        "heat_map",
        "Two fields together",
        "The best value that any point with these two values has, whatever its other fields.",
        heat_map,
    ),
)
"""Every figure, in page order."""


def draw_sweep(data: SweepData) -> list[tuple[SweepFigure, go.Figure]]:
    """The figures that ``data`` has something to show in."""
    drawn = ((spec, spec.draw(data)) for spec in FIGURES)
    return [(spec, figure) for spec, figure in drawn if figure is not None]
