"""What one field does to one metric, with all others held: the reader chooses both."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.compare.metrics import Metric
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.style import styled, unchecked
from accelsim.reports.palette import OTHER, faded, result_colour
from accelsim.reports.sweep.data import SweepData, value_text
from accelsim.reports.sweep.metrics import Shown, shown, varying

THIN, THICK = faded(OTHER, 0.6), result_colour(1)


def effects(data: SweepData) -> go.Figure | None:
    """Two traces, thin lines and their median, for each field with several values and each metric that varies."""
    points = data.points
    fields = [name for name in data.fields if len(data.levels(name)) > 1]
    metrics = varying(points, least=1) if len(points) else []
    if not fields or not metrics:
        return None
    traces: list[dict[str, Any]] = []
    choices: list[dict[str, Any]] = []
    for name in fields:
        for metric in metrics:
            axis = shown(metric, points[metric.key])
            choices.append(_choice(data, name, axis, len(traces)))
            traces += [{**trace, "type": "scatter", "visible": not traces} for trace in _traces(data, name, axis)]
    figure = unchecked(traces)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_layout(choices[0]["layout"])
    return styled(figure, height=420, showlegend=True, meta={"choices": choices})


def _choice(data: SweepData, name: str, axis: Shown, first: int) -> dict[str, Any]:
    """As the page's script takes it."""
    return {
        "group": f"Effect of {name}",
        "name": f"{axis.metric.title} by {data.short[name]}",
        "traces": [first, first + 1],
        "names": ["points that differ in this alone", "median"],
        "colours": [THIN, THICK],
        "layout": {
            "xaxis.title.text": text(data.short[name]),
            "yaxis.title.text": axis.title,
            "xaxis.categoryarray": [_level(data, name, level) for level in data.levels(name)],
            "xaxis.categoryorder": "array",
            "xaxis.autorange": True,
            "yaxis.autorange": True,
        },
    }


def _traces(data: SweepData, name: str, axis: Shown) -> list[dict[str, Any]]:
    key, levels = axis.metric.key, data.levels(name)
    others = [field for field in data.fields if field != name]
    points = data.points[[*data.fields, key]].dropna(subset=[key])
    x: list[str | None] = []
    y: list[float | None] = []
    for _, line in points.groupby(others, sort=False) if others else [((), points)]:
        values = dict(zip(line[name], axis.values(line[key]), strict=True))
        x += [*(_level(data, name, level) for level in levels), None]
        y += [*(values.get(level) for level in levels), None]
    medians = [_median(points[key][points[name] == level], axis) for level in levels]
    return [
        {"x": x, "y": y, "mode": "lines+markers", "line": {"color": THIN, "width": 1}, "marker": {"size": 4}},
        {
            "x": [_level(data, name, level) for level in levels],
            "y": medians,
            "mode": "lines+markers",
            "line": {"color": THICK, "width": 3},
            "marker": {"size": 8},
        },
    ]


def _median(column: pd.Series[float], axis: Shown) -> float | None:
    found = axis.values(pd.Series([column.median()]))[0]
    return None if math.isnan(found) else found


def _level(data: SweepData, name: str, level: object) -> str:
    return text(value_text(level, name))


def best_of(metric: Metric, column: pd.Series[Any]) -> float:
    """The least of a metric, or the most where more is better."""
    return float(column.max() if metric.higher_is_better else column.min())
