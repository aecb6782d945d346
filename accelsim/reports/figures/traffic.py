"""DRAM traffic of every layer by phase."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import by_layer, layer_labels, numbers, phase_title, phases
from accelsim.reports.figures.style import bars, layer_axis, styled, unchecked
from accelsim.reports.palette import phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import BYTES, human_bytes, scale_for


def traffic(result: Result) -> go.Figure | None:
    """Stacked bars, one a layer; None when nothing touches DRAM."""
    layers = result.layers
    if layers.empty or not numbers(layers, "dram_bytes").sum():
        return None
    divisor, unit = scale_for(float(by_layer(layers, ["dram_bytes"])["dram_bytes"].max()), BYTES)
    traces = []
    for phase in phases(layers):
        chosen = layers[layers["phase"] == phase]
        sums = by_layer(chosen, ["dram_bytes", "dram_read_bytes", "dram_write_bytes"])
        traces.append(
            bars(
                x=list(sums.index),
                y=(sums["dram_bytes"] / divisor).tolist(),
                name=phase_title(phase),
                marker={"color": phase_colour(phase), "line": {"width": 0}},
                hovertext=[
                    f"<b>{name}</b><br>{phase_title(phase)}: read {human_bytes(read)}, written {human_bytes(written)}"
                    for name, read, written in zip(
                        sums.index, sums["dram_read_bytes"], sums["dram_write_bytes"], strict=True
                    )
                ],
                hoverinfo="text",
            )
        )
    figure = unchecked(traces)
    layer_axis(figure, layer_labels(layers))
    figure.update_yaxes(title_text=f"DRAM traffic ({unit})")
    return styled(figure, height=400, barmode="stack")
