"""Figures of the evaluation, in the style of the package's pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import quantiles

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.narrow import LEGEND_ROW_PX, names_above, on_narrow, stacked
from accelsim.reports.figures.style import styled
from accelsim.reports.figures.ticks import log_axis
from accelsim.reports.palette import OTHER, faded, result_colour, result_dash, result_symbol
from banner_parts.costs import COMPARED, MACHINES, Cost
from banner_parts.loss_curves import Curves, key
from banner_parts.results import Result

NARROW_ROW_PX = 50
"""A row with its name over it."""


def accuracies(results: Sequence[Result], reference: Result | None) -> go.Figure:
    """One row a setting: a mark for each seed, and a bar at their mean; a number where the mean is off the axis."""
    figure, names = go.Figure(), [result.setting.name for result in results]
    low = bulk_from([accuracy for result in results for accuracy in result.accuracies])
    for result in results:
        if result.accuracy >= low:
            _add_seeds(figure, result)
        else:
            _add_off_axis(figure, result, low)
    if reference is not None:
        figure.add_vline(x=reference.accuracy, line={"color": OTHER, "dash": "dot", "width": 1})
    high = max((max(result.accuracies) for result in results), default=100.0)
    margin = 0.04 * (high - low) or 1.0
    figure.update_xaxes(title_text="Test accuracy (%)", range=[low - margin, high + margin], tickangle=0)
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names[::-1], range=[-0.5, len(names) - 0.5]
    )
    names_above(figure, names, row_px=NARROW_ROW_PX)
    on_narrow(figure, height=60 + NARROW_ROW_PX * len(names))
    return styled(figure, height=60 + 26 * len(names), showlegend=False)


def bulk_from(values: Sequence[float]) -> float:
    """Least of ``values`` that isn't an outlier by Tukey's rule: 1.5 interquartile ranges below the lower quartile."""
    if len(values) < 4:
        return min(values, default=0.0)
    lower, _, upper = quantiles(values, method="inclusive")
    return min(value for value in values if value >= lower - 1.5 * (upper - lower))


def _add_seeds(figure: go.Figure, result: Result) -> None:
    name, colour = result.setting.name, _machine_colour(result)
    if not result.is_mean:
        hover = [f"seed {t.seed}: {a:.2f} %" for t, a in zip(result.trainings, result.accuracies, strict=True)]
        marker = {"color": faded(colour, 0.55), "size": 8}
        seeds = {"x": result.accuracies, "y": [name] * len(hover), "hovertext": hover}
        figure.add_scatter(**seeds, mode="markers", marker=marker, hoverinfo="text")
    bar = {"color": colour, "symbol": "line-ns", "size": 16, "line": {"width": 3, "color": colour}}
    mean = f"mean {result.accuracy:.2f} %"
    figure.add_scatter(x=[result.accuracy], y=[name], mode="markers", marker=bar, hovertext=mean, hoverinfo="text")


def _add_off_axis(figure: go.Figure, result: Result, low: float) -> None:
    """An arrow at the axis's lower end, with the mean that it stands for."""
    figure.add_scatter(
        x=[low],
        y=[result.setting.name],
        mode="markers+text",
        marker={"color": _machine_colour(result), "symbol": "triangle-left", "size": 11},
        text=f"{result.accuracy:.2f} %, off the axis",
        textposition="middle right",
        hovertext=f"mean {result.accuracy:.2f} %",
        hoverinfo="text",
    )


def _machine_colour(result: Result) -> str:
    return result_colour(0 if result.setting.hwconfig == "fp32" else 1)


def gradient_bits(copies: Sequence[tuple[str, Sequence[tuple[int, Result]]]], reference: Result | None) -> go.Figure:
    """Accuracy against the bits of the gradient, a line for each way to hand it on."""
    figure = go.Figure()
    for index, (name, found) in enumerate(copies):
        line = {"color": result_colour(index), "dash": result_dash(index), "width": 2}
        figure.add_scatter(
            x=[bits for bits, _ in found],
            y=[result.accuracy for _, result in found],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [result.extremes[1] - result.accuracy for _, result in found],
                "arrayminus": [result.accuracy - result.extremes[0] for _, result in found],
                "thickness": 1,
            },
            mode="lines+markers",
            line=line,
            marker={"symbol": result_symbol(index), "size": 8},
            name=name,
        )
    if reference is not None:
        figure.add_hline(y=reference.accuracy, line={"color": OTHER, "dash": "dot"}, annotation_text="float32")
    figure.update_traces(hovertemplate="%{x} bits: %{y:.2f} %")
    figure.update_xaxes(title_text="Bits of the layer gradient", dtick=2)
    figure.update_yaxes(title_text="Test accuracy (%)")
    return styled(figure, height=400)


def losses(results: Iterable[Result], curves: Curves) -> go.Figure:
    """Training loss of each setting's first seed over its steps; what no curve is kept of stays out."""
    figure, found, first = go.Figure(), [], 0
    for index, result in enumerate(results):
        curve = curves.get(key(result.trainings[0]), [])
        if not curve:
            continue
        steps, loss = zip(*curve, strict=True)
        found, first = [*found, min(loss), max(loss)], steps[0]
        line = {"color": result_colour(index), "dash": result_dash(index), "width": 2}
        figure.add_scatter(x=steps, y=loss, mode="lines", line=line, name=result.setting.name)
    figure.update_traces(hovertemplate="step %{x}: %{y:.3f}")
    figure.update_xaxes(title_text="Step")
    # A running mean begins where its first window is full.
    figure.update_yaxes(title_text=f"Training loss, mean of {first} steps", **log_axis(found))
    height = 320 + LEGEND_ROW_PX * len(figure.data)
    on_narrow(figure, height=height)
    return styled(figure, height=max(420, height))


def machines(costs: Sequence[Cost]) -> go.Figure:
    """Each figure of each machine as a share of the float machine's, one panel a figure."""
    figure = make_subplots(rows=1, cols=len(COMPARED), subplot_titles=list(COMPARED.values()), shared_yaxes=True)
    networks = list(dict.fromkeys(cost.network for cost in costs))
    machines = list(dict.fromkeys(cost.machine.name for cost in costs if cost.machine.key != MACHINES[0]))
    names = [name.replace(", ", ",<br>") for name in machines]
    for row, network in enumerate(networks):
        reference = next(c for c in costs if c.network == network and c.machine.key == MACHINES[0])
        shares = {c.machine.name: c.against(reference) for c in costs if c.network == network}
        marker = {"color": result_colour(row), "symbol": result_symbol(row), "size": 9}
        for column, name in enumerate(COMPARED, 1):
            figure.add_scatter(
                x=[100 * shares[machine][name] for machine in machines],
                y=names,
                mode="markers",
                marker=marker,
                name=network,
                legendgroup=network,
                showlegend=column == 1,
                hovertemplate="%{y}: %{x:.1f} %",
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="% of fp32", rangemode="tozero")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1])
    stacked(figure, panel_px=30 * len(names), gap_px=75)
    return styled(figure, height=380, margin={"t": 60}, legend={"y": 1.12})
