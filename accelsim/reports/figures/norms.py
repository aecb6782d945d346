"""Size of gradients and weights, the learning rate, and the loss's scale where there is one, over training steps."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.curves import thinned
from accelsim.reports.figures.style import styled
from accelsim.reports.figures.ticks import log_axis_if_wide
from accelsim.reports.palette import OTHER, TEST, TRAIN
from accelsim.reports.result import Result

PANELS = (
    ("gradient_norm", "Gradient norm", TRAIN, "log"),
    ("weight_norm", "Weight norm", TEST, "linear"),
    ("learning_rate", "Learning rate", OTHER, "linear"),
)
LOSS_SCALE = ("loss_scale", "Loss scale", OTHER, "log")


def norms(result: Result) -> go.Figure | None:
    """A panel each; None where nothing was trained, or by an older version."""
    metrics = result.metrics
    if metrics.empty or not {name for name, *_ in PANELS} <= set(metrics.columns):
        return None
    panels = (*PANELS, LOSS_SCALE) if LOSS_SCALE[0] in metrics else PANELS
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (column, title, colour, scale) in enumerate(panels, 1):
        steps, values = thinned(metrics, column)
        line = {"color": colour, "width": 1.6}
        hover = f"{title}: %{{y:.4g}}<extra></extra>"
        figure.add_scatter(x=steps, y=values, name=title, mode="lines", line=line, hovertemplate=hover, row=row, col=1)
        axis = log_axis_if_wide(values) if scale == "log" else {"type": scale}
        figure.update_yaxes(title_text=title, row=row, col=1, **axis)
    figure.update_xaxes(title_text="Training step", row=len(panels), col=1)
    return styled(figure, height=160 * len(panels), hovermode="x unified", showlegend=False)
