"""Energy by layer and by phase, split into the components that spend it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import by_layer, by_phase, components, phase_title
from accelsim.reports.figures.style import bars, layer_axis, styled, unchecked
from accelsim.reports.palette import COMPONENTS, component_colour
from accelsim.reports.result import Result
from accelsim.reports.units import ENERGY_PJ, human_energy, scale_for


def energy_by_layer(result: Result) -> go.Figure | None:
    """Stacked bars, one a layer; None when no energy is known."""
    shown = components(result.layers)
    if not shown:
        return None
    sums = by_layer(result.layers, [f"energy_{name}_pj" for name in shown])
    figure = _stacked(sums, shown)
    layer_axis(figure, list(sums.index))
    return styled(figure, height=400, barmode="stack")


def energy_by_phase(result: Result) -> go.Figure | None:
    """Stacked bars, one a phase; None when no energy is known."""
    shown = components(result.layers)
    if not shown:
        return None
    sums = by_phase(result.layers, [f"energy_{name}_pj" for name in shown])
    figure = _stacked(sums.rename(index=phase_title), shown)
    figure.update_xaxes(showgrid=False)
    return styled(figure, height=430, barmode="stack")


def _stacked(sums: pd.DataFrame, shown: list[str]) -> go.Figure:
    """One trace a component, in the unit that suits the tallest bar."""
    divisor, unit = scale_for(float(sums.sum(axis=1).max()), ENERGY_PJ)
    traces = []
    for name in shown:
        values = sums[f"energy_{name}_pj"]
        traces.append(
            bars(
                x=list(values.index),
                y=(values / divisor).tolist(),
                name=COMPONENTS[name],
                marker={"color": component_colour(name), "line": {"width": 0}},
                hovertext=[
                    f"<b>{key}</b><br>{COMPONENTS[name]}: {human_energy(value)}" for key, value in values.items()
                ],
                hoverinfo="text",
            )
        )
    figure = unchecked(traces)
    figure.update_yaxes(title_text=f"Energy per step ({unit})")
    return figure
