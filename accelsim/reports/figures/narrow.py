"""What a figure changes on a narrow screen: relayout keys in ``layout.meta``, which the page's script applies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

LEGEND_ROW_PX = 19
TITLE_ROW_PX = 17


def on_narrow(figure: go.Figure, **changes: Any) -> None:
    """Add relayout keys, with ``__`` for the dots; they take effect on screens as narrow as a phone's."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    meta = figure.layout.meta or {}
    figure.layout.meta = {**meta, "narrow": {**meta.get("narrow", {}), **dotted}}


def names_above(figure: go.Figure, names: Sequence[str], row_px: int) -> None:
    """Category names of the y axis over their rows of ``row_px`` pixels, where beside them they leave no room."""
    titles = [
        {
            "text": name,
            "x": 0,
            "y": name,
            "xref": "paper",
            "xanchor": "left",
            "yshift": row_px / 2 - TITLE_ROW_PX / 2,
            "showarrow": False,
        }
        for name in names
    ]
    on_narrow(figure, annotations=titles, yaxis__showticklabels=False)


def stacked(figure: go.Figure, panel_px: int, gap_px: int) -> None:
    """Subplots that stand side by side, each with its title, one below the other."""
    titles = [title.to_plotly_json() for title in figure.layout.annotations]
    total_px = len(titles) * (panel_px + gap_px) - gap_px
    changes: dict[str, Any] = {}
    for index, title in enumerate(titles):
        top = 1 - index * (panel_px + gap_px) / total_px
        number = index + 1 if index else ""
        changes[f"xaxis{number}__domain"] = [0, 1]
        changes[f"yaxis{number}__domain"] = [max(0.0, top - panel_px / total_px), top]
        changes[f"yaxis{number}__showticklabels"] = True
        title.update(x=0, xanchor="left", y=top, yanchor="bottom")
    entries = sum(trace.showlegend is not False for trace in figure.data)
    changes["legend__y"] = 1 + 1.5 * TITLE_ROW_PX / total_px
    on_narrow(figure, annotations=titles, height=total_px + 2 * gap_px + entries * LEGEND_ROW_PX, **changes)
