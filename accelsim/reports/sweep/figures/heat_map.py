"""One metric over the values of two fields: the reader chooses them."""

from __future__ import annotations

import itertools
from typing import Any

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.style import styled, unchecked
from accelsim.reports.sweep.data import SweepData, value_text
from accelsim.reports.sweep.figures.effects import best_of
from accelsim.reports.sweep.metrics import Shown, shown, varying

MOST_TEXTS = 100
"""Cells up to which each has its value written into it."""
_SCALE = [[0, "#2b83c6"], [0.5, "#d9d4c4"], [1, "#c2571a"]]


def heat_map(data: SweepData) -> go.Figure | None:
    """A map for each two fields and each metric; None where fewer than two fields have several values."""
    fields = [name for name in data.fields if len(data.levels(name)) > 1]
    metrics = varying(data.points, least=1) if len(data.points) else []
    if len(fields) < 2 or not metrics:
        return None
    traces: list[dict[str, Any]] = []
    choices: list[dict[str, Any]] = []
    for across, up in itertools.combinations(fields, 2):
        for metric in metrics:
            axis = shown(metric, data.points[metric.key])
            choices.append(_choice(data, across, up, axis, len(choices)))
            traces.append({**_map(data, across, up, axis), "type": "heatmap", "visible": not traces})
    tallest = max(len(data.levels(name)) for name in fields)
    figure = unchecked(traces)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False)
    figure.update_layout(choices[0]["layout"])
    return styled(figure, height=190 + 44 * min(12, max(3, tallest)), meta={"choices": choices})


def _choice(data: SweepData, across: str, up: str, axis: Shown, place: int) -> dict[str, Any]:
    """As the page's script takes it."""
    return {
        "group": f"{data.short[across]} and {data.short[up]}",
        "name": f"{axis.metric.title}: {data.short[across]}, {data.short[up]}",
        "traces": [place],
        "names": [""],
        "colours": [None],
        "layout": {
            "xaxis.title.text": text(data.short[across]),
            "yaxis.title.text": text(data.short[up]),
            "xaxis.categoryarray": _levels(data, across),
            "xaxis.categoryorder": "array",
            "yaxis.categoryarray": _levels(data, up),
            "yaxis.categoryorder": "array",
            "xaxis.autorange": True,
            "yaxis.autorange": True,
        },
    }


def _map(data: SweepData, across: str, up: str, axis: Shown) -> dict[str, Any]:
    key = axis.metric.key
    points = data.points[[across, up, key]].dropna(subset=[key])
    cells = {pair: best_of(axis.metric, rows[key]) for pair, rows in points.groupby([across, up])}
    found = [[cells.get((x, y)) for x in data.levels(across)] for y in data.levels(up)]
    texts = [["" if value is None else axis.text(value) for value in row] for row in found]
    names = [text(data.short[name]) for name in (across, up)]
    few = sum(map(len, texts)) <= MOST_TEXTS
    return {
        "x": _levels(data, across),
        "y": _levels(data, up),
        "z": [[None if value is None else float(f"{value / axis.divisor:.6g}") for value in row] for row in found],
        "text": texts,
        "texttemplate": "%{text}" if few else None,
        "hovertemplate": f"{names[0]} %{{x}}<br>{names[1]} %{{y}}<br>%{{text}}<extra></extra>",
        "colorscale": _SCALE,
        "reversescale": bool(axis.metric.higher_is_better),
        "colorbar": {"title": {"text": axis.unit}, "thickness": 12, "outlinewidth": 0},
        "xgap": 2,
        "ygap": 2,
    }


def _levels(data: SweepData, name: str) -> list[str]:
    return [text(value_text(level, name)) for level in data.levels(name)]
