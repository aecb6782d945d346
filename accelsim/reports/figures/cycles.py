"""Cycles of every layer, by phase, computing apart from waiting for DRAM."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import by_layer, layer_labels, phase_title, phases
from accelsim.reports.figures.style import layer_axis, styled
from accelsim.reports.palette import faded, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count


def cycles(result: Result) -> go.Figure | None:
    """Stacked bars, one a layer: compute and stall cycles of each phase."""
    layers = result.layers
    if layers.empty:
        return None
    figure = go.Figure()
    for phase in phases(layers):
        sums = by_layer(layers[layers["phase"] == phase], ["compute_cycles", "stall_cycles"])
        title, colour = phase_title(phase), phase_colour(phase)
        for column, what, fill in (("compute_cycles", "compute", colour), ("stall_cycles", "stall", faded(colour))):
            values = sums[column]
            if values.sum() > 0:
                hover = [f"<b>{name}</b><br>{title}, {what}: {human_count(v)} cycles" for name, v in values.items()]
                figure.add_bar(
                    x=list(values.index),
                    y=values.tolist(),
                    name=title if what == "compute" else f"{title}, stall",
                    marker=_marker(fill, colour, stalled=what == "stall"),
                    hovertext=hover,
                    hoverinfo="text",
                )
    layer_axis(figure, layer_labels(layers))
    figure.update_yaxes(title_text="Cycles", tickformat="~s")
    return styled(figure, height=430, barmode="stack")


def _marker(fill: str, colour: str, *, stalled: bool) -> dict[str, object]:
    line = {"color": colour, "width": 0.6 if stalled else 0}
    return {"color": fill, "line": line}
