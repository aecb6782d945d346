"""Figures of the evaluation, in the style of the package's pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, faded, result_colour, result_dash, result_symbol
from banner_parts.costs import COMPARED, MACHINES, Cost
from banner_parts.results import Result

WINDOW_STEPS = 50


def accuracies(results: Sequence[Result], reference: Result | None) -> go.Figure:
    """One row a setting: a mark for each seed, and a bar at their mean."""
    figure, names = go.Figure(), [result.setting.name for result in results]
    for index, result in enumerate(results):
        colour = result_colour(0 if result.setting.hwconfig == "fp32" else 1)
        hover = [f"seed {t.seed}: {a:.2f} %" for t, a in zip(result.trainings, result.accuracies, strict=True)]
        marker = {"color": faded(colour, 0.55), "size": 8}
        heights = [names[index]] * len(hover)
        figure.add_scatter(
            x=result.accuracies, y=heights, mode="markers", marker=marker, hovertext=hover, hoverinfo="text"
        )
        bar = {"color": colour, "symbol": "line-ns", "size": 16, "line": {"width": 3, "color": colour}}
        mean = f"mean {result.accuracy:.2f} %"
        figure.add_scatter(
            x=[result.accuracy], y=[names[index]], mode="markers", marker=bar, hovertext=mean, hoverinfo="text"
        )
    if reference is not None:
        figure.add_vline(x=reference.accuracy, line={"color": OTHER, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="Test accuracy (%)")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1])
    return styled(figure, height=60 + 26 * len(names), showlegend=False)


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
                "array": [max(result.accuracies) - result.accuracy for _, result in found],
                "arrayminus": [result.accuracy - min(result.accuracies) for _, result in found],
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
    figure.update_yaxes(title_text="Test accuracy (%), mean and extremes of the seeds")
    return styled(figure, height=400)


def losses(results: Iterable[Result]) -> go.Figure:
    """Training loss of each setting's first seed over its steps."""
    figure = go.Figure()
    for index, result in enumerate(results):
        loss = result.loss(WINDOW_STEPS)
        line = {"color": result_colour(index), "dash": result_dash(index), "width": 2}
        figure.add_scatter(x=loss.index, y=loss, mode="lines", line=line, name=result.setting.name)
    figure.update_traces(hovertemplate="step %{x}: %{y:.3f}")
    figure.update_xaxes(title_text="Step")
    figure.update_yaxes(title_text=f"Training loss, mean of {WINDOW_STEPS} steps", type="log", dtick="D2")
    return styled(figure, height=420)


def machines(costs: Sequence[Cost]) -> go.Figure:
    """Each figure of each machine as a share of the float machine's, one panel a figure."""
    figure = make_subplots(rows=1, cols=len(COMPARED), subplot_titles=list(COMPARED.values()), shared_yaxes=True)
    networks = list(dict.fromkeys(cost.network for cost in costs))
    names = list(dict.fromkeys(cost.machine.name for cost in costs if cost.machine.key != MACHINES[0]))
    for row, network in enumerate(networks):
        reference = next(c for c in costs if c.network == network and c.machine.key == MACHINES[0])
        shares = {c.machine.name: c.against(reference) for c in costs if c.network == network}
        marker = {"color": result_colour(row), "symbol": result_symbol(row), "size": 9}
        for column, name in enumerate(COMPARED, 1):
            figure.add_scatter(
                x=[100 * shares[machine][name] for machine in names],
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
    return styled(figure, height=380, margin={"t": 60}, legend={"y": 1.12})
