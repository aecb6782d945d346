"""Every metric as a ratio to the first result."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.compare.frame import ratio
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.metrics import METRICS, Metric
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, result_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_ratio


def ratios(results: Sequence[Result]) -> go.Figure | None:
    """Grouped bars on a doubling scale, from the first result's value outward; None for a single result."""
    shown = [metric for metric in METRICS if any(_ratio(metric, results, i) > 0 for i in range(1, len(results)))]
    if not shown:
        return None
    figure = go.Figure()
    largest = 1.0
    for index, name in list(enumerate(unique_labels(results)))[1:]:
        found = {metric.title: _ratio(metric, results, index) for metric in shown}
        positive = {title: value for title, value in found.items() if value > 0 and math.isfinite(value)}
        largest = max([largest, *(abs(math.log2(value)) for value in positive.values())])
        figure.add_bar(
            orientation="h",
            y=list(positive),
            x=[math.log2(value) for value in positive.values()],
            name=text(name),
            text=[human_ratio(value) for value in positive.values()],
            textposition="outside",
            cliponaxis=False,
            marker={"color": result_colour(index), "line": {"width": 0}},
            hovertext=[f"<b>{title}</b><br>{text(name)}: {human_ratio(value)}" for title, value in positive.items()],
            hoverinfo="text",
        )
    _axes(figure, [metric.title for metric in shown], largest)
    height = 120 + len(shown) * max(26, 20 * (len(results) - 1))
    return styled(figure, height=height, barmode="group", showlegend=True)


def _ratio(metric: Metric, results: Sequence[Result], index: int) -> float:
    return ratio(metric.value(results[index]), metric.value(results[0]))


def _axes(figure: go.Figure, titles: list[str], largest: float) -> None:
    step = max(1, math.ceil(largest / 4))
    reach = step * math.ceil(largest / step)
    powers = list(range(-reach, reach + 1, step))
    names = [f"{2**power}x" if power >= 0 else f"1/{2**-power}x" for power in powers]
    limit = 1.25 * largest + 0.2
    figure.update_xaxes(
        title_text="Ratio to the first run", tickvals=powers, ticktext=names, range=[-limit, limit], zeroline=True
    )
    figure.update_xaxes(zerolinecolor=OTHER, zerolinewidth=2)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=titles[::-1], showgrid=False)
