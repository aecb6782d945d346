"""Density of a tensor's values against a Gaussian's; the reader chooses the tensor."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.narrow import on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER
from accelsim.reports.precision.classes import CLASSES, COLOURS, WEIGHT_PATH, class_title
from accelsim.reports.precision.result import PrecisionResult

MOST_TENSORS = 400
"""That the page carries; of more every n-th is shown."""
LEAST_DENSITY = 1e-6


def distribution(result: PrecisionResult) -> go.Figure | None:
    """Steps of a histogram; None where there is none."""
    if result.histograms.empty:
        return None
    tensors = _shown(result.histograms)
    figure = go.Figure(_gaussian(tensors[0].rows))
    for place, tensor in enumerate(tensors):
        figure.add_trace(_curve(tensor, visible=place == 0))
    figure.update_xaxes(title_text="Value over root mean square")
    figure.update_yaxes(title_text="Density", type="log", exponentformat="power", range=[-5, 1], dtick=1)
    on_narrow(figure, height=420)
    choices = [_choice(tensor, trace) for trace, tensor in enumerate(tensors, 1)]
    meta = {**(figure.layout.meta or {}), "choices": choices}
    return styled(figure, height=400, meta=meta, showlegend=True)


class _Tensor(NamedTuple):
    """A tensor's class and name, and the rows of its histogram."""

    kind: str
    name: str
    rows: pd.DataFrame

    @property
    def colour(self) -> str:
        return COLOURS.get(self.kind, OTHER)


def _shown(histograms: pd.DataFrame) -> list[_Tensor]:
    """Layer gradients are what the paper shows as far from Gaussian, so they come first, the largest ahead."""
    keys = ["class", "layer", "tensor"]
    tensors = [_Tensor(str(key[0]), str(key[2]), rows) for key, rows in histograms.groupby(keys, sort=False)]
    tensors = tensors[:: max(1, -(-len(tensors) // MOST_TENSORS))]
    ranks = {name: place for place, name in enumerate(CLASSES)} | {WEIGHT_PATH: -1}
    tensors.sort(key=lambda each: (ranks[each.kind], -each.rows["elements"].sum() if each.kind == WEIGHT_PATH else 0))
    return tensors


def _gaussian(rows: pd.DataFrame) -> go.Scatter:
    ends = [*rows["low_over_rms"], rows["high_over_rms"].iloc[-1]]
    return go.Scatter(
        x=ends,
        y=[math.exp(-end * end / 2) / math.sqrt(2 * math.pi) for end in ends],
        mode="lines",
        name="Gaussian",
        line={"color": OTHER, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )


def _curve(tensor: _Tensor, *, visible: bool) -> go.Scatter:
    rows = tensor.rows
    return go.Scatter(
        x=((rows["low_over_rms"] + rows["high_over_rms"]) / 2).round(4).tolist(),
        y=_density(rows),
        mode="lines",
        name=text(tensor.name),
        visible=visible,
        line={"color": tensor.colour, "width": 2, "shape": "hvh"},
        hovertemplate="%{x:.2f} RMS: %{y:.4g}<extra></extra>",
    )


def _choice(tensor: _Tensor, trace: int) -> dict[str, Any]:
    """What the reader chooses: the Gaussian, and the trace of this tensor."""
    return {
        "group": class_title(tensor.kind),
        "name": tensor.name,
        "traces": [0, trace],
        "names": ["Gaussian", text(tensor.name)],
        "colours": [OTHER, tensor.colour],
        "layout": {},
    }


def _density(rows: pd.DataFrame) -> list[float | None]:
    """Of elements between the ends; none where no element is, which a logarithmic axis can't show."""
    density = rows["elements"] / rows["elements"].sum() / (rows["high_over_rms"] - rows["low_over_rms"])
    return [float(f"{value:.5g}") if value > LEAST_DENSITY else None for value in density]
