"""All points by two metrics that the reader chooses, and the frontier between what is and what isn't reached."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.compare.metrics import Metric
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.style import styled
from accelsim.reports.figures.ticks import log_axis
from accelsim.reports.palette import result_colour, result_symbol
from accelsim.reports.sweep.data import SPREAD, SweepData, value_text
from accelsim.reports.sweep.metrics import shown
from accelsim.reports.sweep.pareto import frontier
from accelsim.reports.sweep.terminal import metric_text
from accelsim.reports.units import MISSING

MOST_COLOURS = 8
"""Values of the first field that have a colour and a mark each."""
LOG_FROM = 20
"""An axis is logarithmic from this ratio of largest to smallest on."""
_LINE = "#b5485d"


def frontier_figure(data: SweepData) -> go.Figure | None:
    """Marks and a line on ``data.pair``; the page's script moves them where other axes are chosen. None of no point."""
    points = data.points.reset_index(drop=True)
    if points.empty:
        return None
    metrics = data.metrics
    axes = _axes(points, metrics, data.several_seeds)
    figure = go.Figure()
    figure.add_scatter(
        mode="lines+markers",
        marker={"symbol": "circle-open", "size": 16, "color": _LINE},
        name="Frontier",
        line={"color": _LINE, "width": 2, "shape": axes["shapes"][0]},
        hoverinfo="skip",
        meta={"frontier": True},
        **_places(axes, axes["frontiers"]["0-1"]),
    )
    for trace in _marks(data, points, metrics):
        figure.add_scatter(**trace, **_places(axes, trace["meta"]["rows"]))
    figure.update_xaxes(title_text=axes["columns"][0]["title"], **axes["columns"][0]["axis"])
    figure.update_yaxes(title_text=axes["columns"][1]["title"], **axes["columns"][1]["axis"])
    return styled(figure, height=480, showlegend=True, meta={"axes": axes})


def _axes(points: pd.DataFrame, metrics: list[Metric], spread: bool) -> dict[str, Any]:
    """What the script needs: columns of values, and the rows of the frontier of every two of them."""
    columns = []
    for metric in metrics:
        axis = shown(metric, points[metric.key])
        values = axis.values(points[metric.key])
        column = {"title": axis.title, "name": metric.title, "values": values, "axis": _scale(values)}
        if spread and metric.key + SPREAD in points:
            column["spread"] = axis.values(points[metric.key + SPREAD].fillna(0.0))
        columns.append(column)
    narrow = points[[metric.key for metric in metrics]]
    pairs = [(x, y) for x in range(len(metrics)) for y in range(len(metrics))]
    return {
        "columns": columns,
        "shapes": ["vh" if metric.higher_is_better else "hv" for metric in metrics],
        "frontiers": {
            f"{x}-{y}": [int(row) for row in frontier(narrow, metrics[x], metrics[y]).index] for x, y in pairs
        },
    }


def _scale(values: list[float]) -> dict[str, Any]:
    """Logarithmic where points lie decades apart."""
    known = [value for value in values if not math.isnan(value)]
    if min(known) > 0 and max(known) > LOG_FROM * min(known):
        return log_axis(known)
    return {"type": "linear", "tickvals": None, "ticktext": None}


def _places(axes: dict[str, Any], rows: list[int]) -> dict[str, list[float]]:
    """Where marks stand on the first two axes."""
    x, y = (column["values"] for column in axes["columns"][:2])
    return {"x": [x[row] for row in rows], "y": [y[row] for row in rows]}


def _marks(data: SweepData, points: pd.DataFrame, metrics: list[Metric]) -> list[dict[str, Any]]:
    """One trace for each value of the first field, while there are few; else one for all."""
    first = data.fields[0] if data.fields else None
    levels = data.levels(first) if first else []
    hover = [_hover(data, row, metrics) for _, row in points.iterrows()]
    if first is None or len(levels) > MOST_COLOURS:
        return [_trace("Points", list(points.index), hover, 0)]
    return [
        _trace(f"{data.short[first]} {value_text(level, first)}", rows, hover, number)
        for number, level in enumerate(levels)
        if (rows := [int(row) for row in points.index[points[first] == level]])
    ]


def _trace(name: str, rows: list[int], hover: list[str], number: int) -> dict[str, Any]:
    return {
        "mode": "markers",
        "name": text(name),
        "marker": {"color": result_colour(number), "symbol": result_symbol(number), "size": 9, "opacity": 0.85},
        "hovertext": [hover[row] for row in rows],
        "hoverinfo": "text",
        "meta": {"rows": rows},
    }


def _hover(data: SweepData, row: pd.Series[Any], metrics: list[Metric]) -> str:
    fields = [f"{text(short)}: {text(value_text(row[name], name))}" for name, short in data.short.items()]
    figures = [f"{metric.title}: {metric_text(metric, row)}" for metric in metrics]
    known = [line for line in figures if not line.endswith(MISSING)]
    return "<br>".join([f"<b>Point {row['point']}</b>", *fields, *known])
