"""Loss and accuracy over training steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.style import share_axis, styled
from accelsim.reports.palette import TEST, TRAIN
from accelsim.reports.result import Result

POINTS = 600
"""Most points of one training curve; longer runs show means over equal stretches of steps."""


def curves(result: Result) -> go.Figure | None:
    """Losses above, accuracies below; None when nothing was trained."""
    if result.metrics.empty:
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    steps, losses = thinned(result.metrics, "train_loss")
    figure.add_trace(_line(steps, losses, "Train loss", TRAIN, "%{y:.4g}"), 1, 1)
    steps, losses = evaluated(result.metrics, "test_loss")
    figure.add_trace(_line(steps, losses, "Test loss", TEST, "%{y:.4g}", "lines+markers"), 1, 1)
    shown: list[float] = []
    if "train_accuracy" in result.metrics:
        steps, shown = thinned(result.metrics, "train_accuracy")
        figure.add_trace(_line(steps, shown, "Train accuracy", TRAIN, "%{y:.2%}", dash="dot"), 2, 1)
    steps, accuracies = evaluated(result.metrics, "test_accuracy")
    figure.add_trace(_line(steps, accuracies, "Test accuracy", TEST, "%{y:.2%}", "lines+markers", "dot"), 2, 1)
    figure.update_yaxes(title_text="Loss", row=1, col=1)
    figure.update_yaxes(title_text="Accuracy", row=2, col=1, **share_axis([*shown, *accuracies]))
    figure.update_xaxes(title_text="Training step", row=2, col=1)
    return styled(figure, height=460, hovermode="x unified")


def thinned(metrics: pd.DataFrame, column: str) -> tuple[list[float], list[float]]:
    """Steps and values of a curve with at most ``POINTS`` points, each a mean over its stretch."""
    frame = pd.DataFrame({name: pd.to_numeric(metrics[name]) for name in ("step", column)}).dropna()
    size = max(1, -(-len(frame) // POINTS))
    means = frame.groupby(np.arange(len(frame)) // size).mean()
    return means["step"].tolist(), means[column].tolist()


def evaluated(metrics: pd.DataFrame, column: str) -> tuple[list[float], list[float]]:
    """Steps and values where the test images were run."""
    frame = pd.DataFrame({name: pd.to_numeric(metrics[name]) for name in ("step", column)}).dropna()
    return frame["step"].tolist(), frame[column].tolist()


def _line(
    steps: list[float],
    values: list[float],
    name: str,
    colour: str,
    shown: str,
    mode: str = "lines",
    dash: str = "solid",
) -> go.Scatter:
    hover = f"{name}: {shown}<extra></extra>"
    line = {"color": colour, "width": 2, "dash": dash}
    return go.Scatter(
        x=steps,
        y=values,
        name=name,
        mode=mode,
        line=line,
        marker={"size": 6},
        cliponaxis="markers" not in mode,
        hovertemplate=hover,
    )
