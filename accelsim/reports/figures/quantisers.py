"""What quantisation cost each tensor: signal to noise, what became zero, what saturated."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.lost import layer_starts, lost_by_tensor
from accelsim.reports.figures.narrow import LEGEND_ROW_PX, on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, result_colour, result_symbol
from accelsim.reports.result import Result

NAMED = 3
"""Tensors named in each panel: those that lost the most."""
RANK_ROOM = 0.2
"""Share of a panel's height left over its highest point, for a rank."""
MOST_TICKS, MOST_NARROW_TICKS = 48, 14
PANEL_PX, TITLE_PX, GAP_PX, BOTTOM_PX = 170, 68, 90, 200


class Panel(NamedTuple):
    """One measure of the loss; ``worst`` heads the list of the tensors that lost the most."""

    column: str
    title: str
    worst: str
    unit: str
    more_is_worse: bool = True


RATIO = Panel("ratio_db", "Signal to quantisation noise (dB)", "least", "dB", more_is_worse=False)
ZERO = Panel("zero_percent", "Elements that became zero (%)", "most", "%")
SATURATED = Panel("saturated_percent", "Elements that saturated (%)", "most", "%")


def quantisers(result: Result) -> go.Figure | None:
    """A panel for each measure, a point for each quantised tensor; None when none was counted."""
    if result.quantisers.empty:
        return None
    lost = lost_by_tensor(result)
    panels = [RATIO, *(panel for panel in (ZERO, SATURATED) if lost[panel.column].any())]
    plots_px = len(panels) * (PANEL_PX + GAP_PX) - GAP_PX
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=GAP_PX / plots_px,
        subplot_titles=[_title(panel, lost) for panel in panels],
    )
    for row, panel in enumerate(panels, 1):
        _add_points(figure, row, panel, lost)
    figure.update_annotations(x=0, xanchor="left", align="left", font={"size": 12})
    figure.update_layout(legend={"y": 1 + TITLE_PX / plots_px})
    _name_layers(figure, lost, len(panels))
    on_narrow(figure, height=plots_px + TITLE_PX + BOTTOM_PX + LEGEND_ROW_PX * lost["role"].nunique())
    return styled(figure, height=plots_px + TITLE_PX + BOTTOM_PX)


def _add_points(figure: go.Figure, row: int, panel: Panel, lost: pd.DataFrame) -> None:
    """Points coloured by role; the worst few are numbered."""
    for index, role in enumerate(dict.fromkeys(lost["role"])):
        chosen = lost[lost["role"] == role]
        figure.add_scatter(
            x=chosen.index.tolist(),
            y=chosen[panel.column].tolist(),
            mode="markers",
            name=text(role).replace("_", " "),
            legendgroup=role,
            showlegend=row == 1,
            marker={"color": result_colour(index), "symbol": result_symbol(index), "size": 8},
            cliponaxis=False,
            hovertext=[_hover(line) for line in chosen.itertuples(index=False, name=None)],
            hoverinfo="text",
            row=row,
            col=1,
        )
    worst = _worst(panel, lost)
    figure.add_scatter(
        x=worst.index.tolist(),
        y=worst[panel.column].tolist(),
        mode="markers+text",
        marker={"symbol": "circle-open", "size": 15, "color": OTHER, "line": {"width": 1.5}},
        text=[f"<b>{rank}</b>" for rank in range(1, len(worst) + 1)],
        textposition="top center",
        showlegend=False,
        cliponaxis=False,
        hoverinfo="skip",
        row=row,
        col=1,
    )
    low, high = min(0.0, lost[panel.column].min()), lost[panel.column].max()
    figure.update_yaxes(range=[low - 0.04 * (high - low), high + RANK_ROOM * (high - low)], row=row, col=1)


def _worst(panel: Panel, lost: pd.DataFrame) -> pd.DataFrame:
    ordered = lost.sort_values(panel.column, ascending=not panel.more_is_worse, kind="stable")
    return ordered[ordered[panel.column] > 0].head(NAMED) if panel.more_is_worse else ordered.head(NAMED)


def _title(panel: Panel, lost: pd.DataFrame) -> str:
    """The measure, and below it the worst tensors with their values."""
    worst = _worst(panel, lost)
    values = zip(worst["tensor"], worst[panel.column], strict=True)
    lines = [f"<b>{i}</b>  {text(name)}  {value:.3g} {panel.unit}" for i, (name, value) in enumerate(values, 1)]
    return "<br>".join([f"<b>{panel.title}</b>, {panel.worst}:", *lines])


def _hover(line: tuple[str, str, str, float, float, float]) -> str:
    name, role, _, ratio, zero, saturated = line
    return (
        f"<b>{text(name)}</b> ({text(role).replace('_', ' ')})<br>{ratio:.1f} dB"
        f"<br>became zero {zero:.3g} %<br>saturated {saturated:.3g} %"
    )


def _name_layers(figure: go.Figure, lost: pd.DataFrame, panels: int) -> None:
    """Ticks where the step comes to a layer, fewer on a narrow screen."""
    places, names = layer_starts(lost, MOST_TICKS)
    figure.update_xaxes(tickvals=places, range=[-0.7, len(lost) - 0.3], zeroline=False)
    figure.update_xaxes(ticktext=names, tickangle=-90, row=panels, col=1)
    fewer, shorter = layer_starts(lost, MOST_NARROW_TICKS)
    bottom = f"xaxis{panels if panels > 1 else ''}"
    on_narrow(figure, **{f"{bottom}__tickvals": fewer, f"{bottom}__ticktext": shorter})
