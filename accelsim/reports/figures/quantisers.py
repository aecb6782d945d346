"""What quantisation cost each tensor: signal to noise, saturation, underflow."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import numbers, text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import TRAIN
from accelsim.reports.result import Result

EXACT_DB = 160.0
"""Shown for a tensor without any quantisation error, whose ratio is infinite."""


def quantisers(result: Result) -> go.Figure | None:
    """One point per quantised tensor, in the order of the step; None when none was counted."""
    frame = result.quantisers
    if frame.empty:
        return None
    ratios = np.minimum(np.asarray(numbers(frame, "sqnr_db"), dtype=float), EXACT_DB)
    elements = np.asarray(numbers(frame, "elements"), dtype=float)
    lost = [100 * np.asarray(numbers(frame, name), dtype=float) / elements for name in ("saturated", "underflowed")]
    names = [text(name) for name in frame["tensor"]]
    hover = [
        f"<b>{name}</b><br>{ratio:.1f} dB<br>saturated {high:.3g} %<br>became zero {low:.3g} %"
        for name, ratio, high, low in zip(names, ratios, *lost, strict=True)
    ]
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(names) + 1)),
            y=ratios.tolist(),
            mode="markers",
            marker={"color": TRAIN, "size": (6 + 0.2 * lost[0].clip(0, 100)).tolist()},
            hovertext=hover,
            hoverinfo="text",
        )
    )
    figure.update_xaxes(title_text="Quantised tensor, in the order of the step")
    figure.update_yaxes(title_text="Signal to quantisation noise (dB)")
    return styled(figure, height=360)
