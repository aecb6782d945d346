"""The weight-gradient products by layer: beside the serial path or not, and their slack."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.aggregate import by_layer, label
from accelsim.reports.figures.selection import weight_gradient_products
from accelsim.reports.figures.style import layer_axis, styled
from accelsim.reports.palette import OTHER, faded, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count


def hidden(result: Result) -> go.Figure | None:
    """Cycles above, least slack below, a bar a layer; None when the step has no such products."""
    products = weight_gradient_products(result.operations)
    if products.empty:
        return None
    own = products["end_cycle"] - products["start_cycle"]
    beside = products["beside_serial_path_cycles"]
    sums = by_layer(products.assign(beside=beside, apart=own - beside), ["beside", "apart"])
    slack = products.groupby([label(name) for name in products["layer"].tolist()], sort=False)["slack_cycles"].min()
    colour = phase_colour("weight_gradient")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    _add_bars(figure, 1, "Beside the serial path", faded(colour), sums["beside"])
    _add_bars(figure, 1, "Not beside it", colour, sums["apart"])  # "alone" is a figure of theirs, and another one
    _add_bars(figure, 2, "Slack", OTHER, slack)
    layer_axis(figure, list(sums.index))
    figure.update_yaxes(title_text="Cycles", tickformat="~s", row=1, col=1)
    figure.update_yaxes(title_text="Slack (cycles)", tickformat="~s", rangemode="tozero", row=2, col=1)
    if not slack.any():
        figure.update_yaxes(range=[0, 1], dtick=1, row=2, col=1)
    return styled(figure, height=430, barmode="stack")


def _add_bars(figure: go.Figure, row: int, title: str, colour: str, values: pd.Series[float]) -> None:
    bars = go.Bar(
        x=list(values.index),
        y=values.tolist(),
        name=title,
        marker={"color": colour, "line": {"width": 0}},
        hovertext=[f"<b>{name}</b><br>{title}: {human_count(value)} cycles" for name, value in values.items()],
        hoverinfo="text",
    )
    figure.add_trace(bars, row, 1)
