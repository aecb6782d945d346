"""Cycles that operations wait, by cause and phase: before they hold their unit above, while they hold it below."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.aggregate import phase_title, text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_count
from accelsim.reports.waits import BEFORE, waits_by_phase


def waits(result: Result) -> go.Figure | None:
    """One bar a cause, stacked by phase, waits and stalls on an axis each; None where nothing waits."""
    found = waits_by_phase(result.operations)
    before = found.index.isin(list(BEFORE.values()))
    parts = [part for part in (found[before], found[~before]) if not part.empty]
    if not parts:
        return None
    heights = [len(part) + 1 for part in parts]
    figure = make_subplots(rows=len(parts), cols=1, row_heights=heights, vertical_spacing=0.14)
    for row, part in enumerate(parts, start=1):
        _add_bars(figure, part, row)
    figure.update_xaxes(title_text="Cycles", row=len(parts))
    return styled(figure, height=150 + 24 * sum(heights), barmode="stack")


def _add_bars(figure: go.Figure, cycles: pd.DataFrame, row: int) -> None:
    causes = [text(cause) for cause in cycles.index]
    for phase in cycles.columns:
        title, values = phase_title(str(phase)), cycles[phase].tolist()
        hover = [
            f"<b>{cause}</b><br>{title}: {human_count(value)} cycles"
            for cause, value in zip(causes, values, strict=True)
        ]
        figure.add_bar(
            orientation="h",
            y=causes,
            x=values,
            name=title,
            legendgroup=str(phase),
            showlegend=row == 1,
            marker={"color": phase_colour(str(phase)), "line": {"width": 0}},
            hovertext=hover,
            hoverinfo="text",
            row=row,
            col=1,
        )
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=causes[::-1], showgrid=False, row=row)
    figure.update_xaxes(tickformat="~s", row=row)
