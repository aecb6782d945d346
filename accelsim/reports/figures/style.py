"""Layout that all figures share: transparent, system fonts, legend above the plot."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from accelsim.reports.palette import GRID

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_INK = "#5b6472"
_AXIS = {
    "gridcolor": GRID,
    "linecolor": GRID,
    "zerolinecolor": GRID,
    "ticks": "",
    "automargin": True,
    "title": {"standoff": 10},
}
_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 12.5, "color": _INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "xanchor": "left",
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 12.5}},
        "hovermode": "closest",
        "bargap": 0.18,
    }
)


def styled(figure: go.Figure, *, height: int = 380, **layout: Any) -> go.Figure:
    """``figure`` with the shared layout and ``layout`` on top of it."""
    figure.update_layout(template=_TEMPLATE, height=height, **layout)
    return figure


def layer_axis(figure: go.Figure, names: list[str]) -> None:
    """Layers in network order on x; labels are thinned by plotly to what the width takes."""
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=names, tickangle=-90 if len(names) > 12 else 0
    )
    figure.update_xaxes(tickfont={"size": 11}, showgrid=False, range=[-0.6, len(names) - 0.4])
