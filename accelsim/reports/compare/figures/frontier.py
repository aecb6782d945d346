"""Test accuracy against the energy, and the time, that training took on the accelerator to reach it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.curves import evaluated
from accelsim.reports.figures.style import share_axis, styled
from accelsim.reports.palette import result_colour, result_dash, result_symbol
from accelsim.reports.result import Result
from accelsim.reports.units import (
    ENERGY_PJ,
    SECONDS,
    Human,
    Scale,
    human_energy,
    human_percent,
    human_seconds,
    scale_for,
)

Path = tuple[list[float], list[float]]


def frontier(results: Sequence[Result]) -> go.Figure | None:
    """A line through the epochs of each result, its last point marked; None when energy or accuracy is unknown."""
    return _reached(results, _Cost("energy_per_step_pj", "Training energy", ENERGY_PJ, human_energy))


def time_to_accuracy(results: Sequence[Result]) -> go.Figure | None:
    """The same over the time that the accelerator trains; None when time or accuracy is unknown."""
    return _reached(results, _Cost("time_per_step_s", "Training time on the accelerator", SECONDS, human_seconds))


class _Cost(NamedTuple):
    """What each step takes, by its name in the summary."""

    per_step: str
    title: str
    scales: tuple[Scale, ...]
    human: Human


def _reached(results: Sequence[Result], cost: _Cost) -> go.Figure | None:
    paths = [_path(result, cost.per_step) for result in results]
    most = max((spent for costs, _ in paths for spent in costs), default=0.0)
    if not most:
        return None
    divisor, unit = scale_for(most, cost.scales)
    figure = go.Figure()
    for index, (name, (costs, accuracies)) in enumerate(zip(unique_labels(results), paths, strict=True)):
        if costs:
            last = len(costs) - 1
            figure.add_scatter(
                x=[value / divisor for value in costs],
                y=accuracies,
                name=text(name),
                mode="lines+markers",
                line={"color": result_colour(index), "dash": result_dash(index), "width": 1.5},
                marker={
                    "symbol": result_symbol(index),
                    "opacity": 1,
                    "size": [13 if i == last else 5 for i in range(last + 1)],
                },
                hovertext=[
                    f"<b>{text(name)}</b><br>{human_percent(a)} after {cost.human(spent)}"
                    for spent, a in zip(costs, accuracies, strict=True)
                ],
                hoverinfo="text",
            )
    accuracies = [accuracy for _, reached in paths for accuracy in reached]
    figure.update_xaxes(title_text=f"{cost.title} ({unit})", rangemode="tozero")
    figure.update_yaxes(title_text="Test accuracy", **share_axis(accuracies))
    return styled(figure, height=420, showlegend=True)


def _path(result: Result, key: str) -> Path:
    """What was spent, and accuracy, at each evaluation; at the end only, where the curve wasn't logged."""
    per_step = result.summary.get(key)
    if not per_step:
        return [], []
    if not result.metrics.empty:
        steps, accuracies = evaluated(result.metrics, "test_accuracy")
        if steps:
            return [step * per_step for step in steps], accuracies
    steps_run, accuracy = result.summary.get("steps"), result.summary.get("test_accuracy")
    return ([steps_run * per_step], [accuracy]) if steps_run and accuracy is not None else ([], [])
