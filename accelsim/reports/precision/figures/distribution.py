"""Density of a tensor's values against a Gaussian's; the reader chooses the tensor."""

from __future__ import annotations

import math
from typing import Any

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
    keys = ["class", "layer", "tensor"]
    tensors = [(str(key[0]), str(key[2]), rows) for key, rows in result.histograms.groupby(keys, sort=False)]
    tensors = tensors[:: max(1, -(-len(tensors) // MOST_TENSORS))]
    # Layer gradients are what the paper shows as far from Gaussian, so they come first, the largest ahead.
    ranks = {name: place for place, name in enumerate(CLASSES)} | {WEIGHT_PATH: -1}
    tensors.sort(key=lambda item: (ranks[item[0]], -item[2]["elements"].sum() if item[0] == WEIGHT_PATH else 0))
    figure = go.Figure()
    choices: list[dict[str, Any]] = []
    ends = [*tensors[0][2]["low_over_rms"], tensors[0][2]["high_over_rms"].iloc[-1]]
    figure.add_scatter(
        x=ends,
        y=[math.exp(-end * end / 2) / math.sqrt(2 * math.pi) for end in ends],
        mode="lines",
        name="Gaussian",
        line={"color": OTHER, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
    for place, (kind, tensor, rows) in enumerate(tensors, 1):
        colour = COLOURS.get(kind, OTHER)
        figure.add_scatter(
            x=((rows["low_over_rms"] + rows["high_over_rms"]) / 2).round(4).tolist(),
            y=_density(rows),
            mode="lines",
            name=text(tensor),
            visible=place == 1,
            line={"color": colour, "width": 2, "shape": "hvh"},
            hovertemplate="%{x:.2f} RMS: %{y:.4g}<extra></extra>",
        )
        choices.append(
            {
                "group": class_title(kind),
                "name": tensor,
                "traces": [0, place],
                "names": ["Gaussian", text(tensor)],
                "colours": [OTHER, colour],
                "layout": {},
            }
        )
    figure.update_xaxes(title_text="Value over root mean square")
    figure.update_yaxes(title_text="Density", type="log", exponentformat="power", range=[-5, 1], dtick=1)
    on_narrow(figure, height=420)
    meta = {**(figure.layout.meta or {}), "choices": choices}
    return styled(figure, height=400, meta=meta, showlegend=True)


def _density(rows: pd.DataFrame) -> list[float | None]:
    """Of elements between the ends; none where no element is, which a logarithmic axis can't show."""
    density = rows["elements"] / rows["elements"].sum() / (rows["high_over_rms"] - rows["low_over_rms"])
    return [float(f"{value:.5g}") if value > LEAST_DENSITY else None for value in density]
