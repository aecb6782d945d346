"""Figures of the random-bits report, in the style of the package's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.narrow import LEGEND_ROW_PX, on_narrow, stacked
from accelsim.reports.figures.style import styled
from accelsim.reports.figures.ticks import log_axis
from accelsim.reports.palette import OTHER, result_colour, result_dash, result_symbol
from random_bits_parts.sums import DIRECTIONS, Walk
from random_bits_parts.training import BITS, Outcome

Staircase = tuple[list[float], list[float]]


def staircases(measured: Mapping[int, Staircase]) -> go.Figure:
    """Bias against the fraction of the input: lines say what it must be, points what the kernels do."""
    figure = go.Figure()
    for index, (bits, (fractions, biases)) in enumerate(measured.items()):
        step, name, colour = 2.0**-bits, _bits(bits), result_colour(index)
        x = [edge for at in range(1 << bits) for edge in (at * step, (at + 1) * step, None)]
        y = [edge for _ in range(1 << bits) for edge in (0.0, -step, None)]
        line = {"color": colour, "width": 1.5, "dash": result_dash(index)}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, legendgroup=name, showlegend=False, hoverinfo="skip")
        marker = {"color": colour, "size": 5, "symbol": result_symbol(index)}
        figure.add_scatter(x=fractions, y=biases, mode="markers", marker=marker, name=name, legendgroup=name)
    figure.update_traces(hovertemplate="fraction %{x:.4f}<br>bias %{y:.4f} ulp", selector={"mode": "markers"})
    figure.update_xaxes(title_text="Input above the lower code (ulp)")
    figure.update_yaxes(title_text="Bias (ulp)")
    return styled(figure, height=400)


def mean_biases(exact: Sequence[Fraction], measured: Mapping[str, Sequence[Fraction]]) -> go.Figure:
    """Mean bias against the number of random bits, on a logarithmic axis."""
    figure, bits = go.Figure(), list(range(1, len(exact) + 1))
    rule = {"color": OTHER, "width": 2}
    figure.add_scatter(x=bits, y=[2.0 ** -(r + 1) for r in bits], mode="lines", name="2^-(r+1)", line=rule)
    for index, (name, values) in enumerate(measured.items()):
        marker = {"color": result_colour(index), "symbol": f"{result_symbol(index)}-open", "size": 7 + 4 * index}
        figure.add_scatter(x=bits, y=[-float(v) for v in values], mode="markers", name=name, marker=marker)
    figure.update_traces(hovertemplate="%{x} random bits: -%{y:.3g} ulp")
    figure.update_xaxes(title_text="Random bits r", dtick=1, tickangle=0)
    on_narrow(figure, xaxis__dtick=5)
    figure.update_yaxes(title_text="Minus the mean bias (ulp)", type="log", exponentformat="power", dtick=1)
    return styled(figure, height=400)


def sums(walks: Sequence[Walk]) -> go.Figure:
    """Where ten thousand increments of a hundredth of an ulp lead, by direction and random bits."""
    titles = [f"Increments {where}" for where in DIRECTIONS.values()]
    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, horizontal_spacing=0.07)
    for column, direction in enumerate(DIRECTIONS, 1):
        shown = [walk for walk in walks if walk.direction == direction]
        for index, walk in enumerate(shown):
            name = "nearest" if walk.bits is None else _bits(walk.bits)
            line = {"color": result_colour(index), "dash": result_dash(index), "width": 2}
            figure.add_scatter(
                x=walk.steps,
                y=walk.mean,
                name=name,
                line=line,
                legendgroup=name,
                showlegend=column == 1,
                row=1,
                col=column,
            )
        exact, line = shown[0], {"color": OTHER, "width": 5}
        figure.add_scatter(
            x=exact.steps,
            y=exact.exact,
            name="exact",
            line=line,
            opacity=0.5,
            showlegend=column == 1,
            row=1,
            col=column,
        )
        figure.update_xaxes(title_text="Increments", row=1, col=column, nticks=4)
    figure.update_traces(mode="lines", hovertemplate="%{x}: %{y:.1f} ulp")
    figure.update_yaxes(title_text="Way from the start (ulp)", row=1, col=1)
    stacked(figure, panel_px=200, gap_px=75)
    return styled(figure, height=420, margin={"t": 70}, legend={"y": 1.12})


def training(outcomes: Sequence[Outcome], field: str, title: str, tick: str, *, log: bool = False) -> go.Figure:
    """One point a run: nearest, random bits, fp32; a line through the means of each task and format."""
    figure = go.Figure()
    order = ["nearest", *map(str, BITS), "fp32"]
    series = dict.fromkeys((o.task, o.choice.format) for o in outcomes if o.choice.format != "fp32")
    for index, (task, format_) in enumerate(series):
        shown = [o for o in outcomes if o.task == task and o.choice.format in (format_, "fp32")]
        values = {x: [getattr(o, field) for o in shown if o.choice.rounding == x] for x in order}
        colour, name = result_colour(index), f"{task.name}, {format_}"
        means = [sum(found) / len(found) if found else None for found in values.values()]
        line = {"color": colour, "dash": result_dash(index), "width": 2}
        figure.add_scatter(x=order, y=means, mode="lines", line=line, name=name, legendgroup=name)
        points = [(x, value) for x, found in values.items() for value in found]
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="markers",
            marker={"color": colour, "symbol": result_symbol(index), "size": 7},
            name=name,
            legendgroup=name,
            showlegend=False,
        )
    figure.update_xaxes(title_text="Random bits of the master weights", type="category")
    figure.update_yaxes(title_text=title, tickformat=tick)
    if log:
        figure.update_yaxes(**log_axis(getattr(outcome, field) for outcome in outcomes))
    on_narrow(figure, height=320 + LEGEND_ROW_PX * len(series))
    return styled(figure, height=440)


def _bits(bits: int) -> str:
    return f"{bits} random bit{'s' if bits > 1 else ''}"
