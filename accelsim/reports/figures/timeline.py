"""When each hardware unit works during one training step."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import phase_title, phases, text
from accelsim.reports.figures.intervals import Interval, intervals
from accelsim.reports.figures.style import bars, styled, unchecked
from accelsim.reports.palette import UNITS, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count, human_percent


def timeline(result: Result) -> go.Figure | None:
    """One row a unit, one bar an operation, coloured by phase; a folded bar is paler the less its unit works."""
    return draw_intervals(result.layers)


def draw_intervals(operations: pd.DataFrame) -> go.Figure | None:
    """Bars from ``start_cycle`` to ``end_cycle`` on the units' rows; None when there are none."""
    busy = intervals(operations)
    if not busy:
        return None
    traces = []
    for phase in phases(operations):
        chosen = [bar for bar in busy if bar.phase == phase]
        if chosen:
            traces.append(
                bars(
                    orientation="h",
                    y=[text(bar.row) for bar in chosen],
                    base=[bar.start for bar in chosen],
                    x=[bar.end - bar.start for bar in chosen],
                    name=phase_title(phase),
                    marker={
                        "color": phase_colour(phase),
                        "line": {"width": 0},
                        "opacity": [0.25 + 0.75 * bar.share for bar in chosen],
                    },
                    hovertext=[_hover(bar) for bar in chosen],
                    hoverinfo="text",
                )
            )
    figure = unchecked(traces)
    rows = sorted({bar.row for bar in busy}, key=_position, reverse=True)
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[text(row) for row in rows], showgrid=False
    )
    figure.update_xaxes(title_text="Cycle of the training step", tickformat="~s")
    return styled(figure, height=130 + 46 * len(rows), barmode="overlay", bargap=0.3)


def _position(row: str) -> tuple[int, str]:
    titles = list(UNITS.values())
    base = row.rstrip("0123456789 ")
    return (titles.index(base) if base in titles else len(titles), row)


def _hover(bar: Interval) -> str:
    length = human_count(bar.end - bar.start)
    busy = "" if bar.share >= 1 else f"<br>busy {human_percent(bar.share)} of it"
    return (
        f"<b>{bar.what}</b><br>{text(bar.row)}, {phase_title(bar.phase)}"
        f"<br>{length} cycles from cycle {human_count(bar.start)}{busy}"
    )
