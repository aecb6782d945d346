"""Every metric as a ratio to the first result."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.compare.frame import ratio
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.metrics import CHARTED, Metric
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.narrow import names_above, on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, result_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_ratio

BAR_PX = 20
NAME_PX = 32
"""Height of a bar, and of the gap between groups where names stand over them."""


def ratios(results: Sequence[Result]) -> go.Figure | None:
    """Grouped bars on a doubling scale, from the first result's value outward; None for a single result."""
    shown = drawn_metrics(results)
    if not shown:
        return None
    figure = go.Figure()
    powers: list[float] = []
    for index, name in list(enumerate(unique_labels(results)))[1:]:
        found = {metric.title: _ratio(metric, results, index) for metric in shown}
        positive = {title: value for title, value in found.items() if _is_drawn(value)}
        powers += [math.log2(value) for value in positive.values()]
        figure.add_bar(
            orientation="h",
            y=list(positive),
            x=[math.log2(value) for value in positive.values()],
            name=text(name),
            text=[human_ratio(value) for value in positive.values()],
            textposition="outside",
            textfont={"size": 11},
            cliponaxis=False,
            marker={"color": result_colour(index), "line": {"width": 0}},
            hovertext=[f"<b>{title}</b><br>{text(name)}: {human_ratio(value)}" for title, value in positive.items()],
            hoverinfo="text",
        )
    _axes(figure, [metric.title for metric in shown], powers)
    bars_px = BAR_PX * (len(results) - 1)
    names_above(figure, [metric.title for metric in shown], row_px=bars_px + NAME_PX)
    on_narrow(figure, height=120 + len(shown) * (bars_px + NAME_PX), bargap=NAME_PX / (bars_px + NAME_PX))
    height = 120 + len(shown) * max(26, bars_px)
    return styled(figure, height=height, barmode="group", showlegend=True)


def drawn_metrics(results: Sequence[Result]) -> list[Metric]:
    """Those in which a result has a ratio to the first one."""
    return [metric for metric in CHARTED if any(_is_drawn(_ratio(metric, results, i)) for i in range(1, len(results)))]


def _is_drawn(value: float) -> bool:
    """Whether a ratio has a place on a doubling scale."""
    return value > 0 and math.isfinite(value)


def _ratio(metric: Metric, results: Sequence[Result], index: int) -> float:
    return ratio(metric.value(results[index]), metric.value(results[0]))


def _axes(figure: go.Figure, titles: list[str], powers: list[float]) -> None:
    """Powers of two around the range of ``powers`` (base-2 logarithms), with room for the labels of the bars."""
    low, high = min([-0.5, *powers]), max([0.5, *powers])
    step = max(1, math.ceil((high - low) / 8))
    ticks = range(-step * math.ceil(-low / step), step * math.ceil(high / step) + 1, step)
    room = 0.3 * (high - low)
    figure.update_xaxes(
        title_text="Ratio to the first run",
        tickvals=list(ticks),
        ticktext=[f"{2**power}x" if power >= 0 else f"1/{2**-power}x" for power in ticks],
        range=[low - room, high + room],
        tickangle=0,
        zeroline=True,
        zerolinecolor=OTHER,
        zerolinewidth=2,
    )
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=titles, range=[len(titles) - 0.5, -0.5], showgrid=False
    )
