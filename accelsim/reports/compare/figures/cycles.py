"""Cycles of all results by phase."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.compare.figures.ticks import name_bars
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.figures.aggregate import by_phase, phase_title, text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import PHASES, faded, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count


def cycles(results: Sequence[Result]) -> go.Figure | None:
    """One stacked bar a result: compute and stall cycles of each phase."""
    sums = [by_phase(result.layers, ["compute_cycles", "stall_cycles"]) for result in results]
    labels = unique_labels(results)
    names = [text(name) for name in labels]
    figure = go.Figure()
    for phase in PHASES:
        for what in ("compute", "stall"):
            values = [float(frame[f"{what}_cycles"].get(phase, 0.0)) for frame in sums]
            if any(values):
                _add_bars(figure, phase, what, names, values)
    name_bars(figure, labels)
    figure.update_yaxes(title_text="Cycles", tickformat="~s")
    return styled(figure, height=420, barmode="stack") if figure.data else None


def _add_bars(figure: go.Figure, phase: str, what: str, names: list[str], values: list[float]) -> None:
    title, colour = phase_title(phase), phase_colour(phase)
    figure.add_bar(
        x=names,
        y=values,
        name=title,
        legendgroup=phase,
        showlegend=what == "compute",
        marker={"color": faded(colour) if what == "stall" else colour, "line": {"width": 0}},
        hovertext=[
            f"<b>{n}</b><br>{title}, {what}: {human_count(v)} cycles" for n, v in zip(names, values, strict=True)
        ],
        hoverinfo="text",
    )
