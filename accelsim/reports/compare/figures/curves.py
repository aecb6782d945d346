"""Loss and accuracy of all results over training steps."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.curves import evaluated, thinned
from accelsim.reports.figures.style import share_axis, styled
from accelsim.reports.palette import result_colour, result_dash, result_symbol
from accelsim.reports.result import Result


def curves(results: Sequence[Result]) -> go.Figure | None:
    """Train loss above, test accuracy below, a colour and line style for each result; None without training."""
    if all(result.metrics.empty for result in results):
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    for index, name in enumerate(unique_labels(results)):
        metrics = results[index].metrics
        if metrics.empty:
            continue
        for row, (steps, values), mode, shown in (
            (1, thinned(metrics, "train_loss"), "lines", "loss %{y:.4g}"),
            (2, evaluated(metrics, "test_accuracy"), "lines+markers", "accuracy %{y:.2%}"),
        ):
            trace = go.Scatter(
                x=steps,
                y=values,
                name=text(name),
                legendgroup=name,
                showlegend=row == 1,
                mode=mode,
                line={"color": result_colour(index), "width": 2, "dash": result_dash(index)},
                marker={"symbol": result_symbol(index), "size": 7},
                cliponaxis=mode == "lines",
                hovertemplate=f"{text(name)}: {shown}<extra></extra>",
            )
            figure.add_trace(trace, row, 1)
    accuracies = [value for result in results for value in evaluated(result.metrics, "test_accuracy")[1]]
    figure.update_yaxes(title_text="Train loss", row=1, col=1)
    figure.update_yaxes(title_text="Test accuracy", row=2, col=1, **share_axis(accuracies))
    figure.update_xaxes(title_text="Training step", row=2, col=1)
    return styled(figure, height=460, hovermode="x unified")
