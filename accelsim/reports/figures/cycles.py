"""Cycles of every layer, by phase, computing apart from waiting for DRAM or a buffer."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import by_layer, layer_labels, phase_title, phases
from accelsim.reports.figures.style import Trace, bars, layer_axis, styled, unchecked
from accelsim.reports.palette import faded, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count


def cycles(result: Result) -> go.Figure | None:
    """Stacked bars, one a layer: compute and stall cycles of each phase."""
    layers = result.layers
    if layers.empty:
        return None
    traces = []
    for phase in phases(layers):
        sums = by_layer(layers[layers["phase"] == phase], ["compute_cycles", "stall_cycles"])
        traces += [_bars(phase, "compute", sums["compute_cycles"]), _bars(phase, "stall", sums["stall_cycles"])]
    figure = unchecked(traces)
    layer_axis(figure, layer_labels(layers))
    figure.update_yaxes(title_text="Cycles", tickformat="~s")
    return styled(figure, height=430, barmode="stack")


def _bars(phase: str, what: str, values: pd.Series[float]) -> Trace:
    """Solid bars for compute, pale ones for stalls; a click on the legend toggles both."""
    title, colour = phase_title(phase), phase_colour(phase)
    return bars(
        x=list(values.index),
        y=values.tolist(),
        name=title,
        legendgroup=phase,
        showlegend=what == "compute",
        marker={"color": faded(colour) if what == "stall" else colour, "line": {"width": 0}},
        hovertext=[f"<b>{name}</b><br>{title}, {what}: {human_count(value)} cycles" for name, value in values.items()],
        hoverinfo="text",
    )
