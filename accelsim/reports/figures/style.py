"""Layout that all figures share: transparent, system fonts, legend above the plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from accelsim.reports.palette import GRID

Trace = Mapping[str, Any]
"""What is drawn with one look: its type, values and texts, by plotly's names."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MOST_LEVEL_LABELS = 12
"""More labels than this stand upright on any screen."""
LEAST_MARGIN = 0.005
"""Room around shares on their axis: half a percent where they are all alike."""
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


def bars(**properties: Any) -> Trace:
    """A trace of bars."""
    return {"type": "bar", **properties}


def points(**properties: Any) -> Trace:
    """A trace of points, or of lines between them."""
    return {"type": "scatter", **properties}


def unchecked(traces: Sequence[Trace], layout: go.Layout | None = None) -> go.Figure:
    """A figure whose traces' values plotly takes as they are: to check each takes longer than all else about a page.

    ``layout`` has the axes of figures with several panels. Tests have it check the figures that they draw.
    """
    return go.Figure({"data": list(traces), **({} if layout is None else {"layout": layout})}, _validate=False)


def styled(figure: go.Figure, *, height: int = 380, **layout: Any) -> go.Figure:
    """``figure`` with the shared layout and ``layout`` on top of it."""
    figure.update_layout(template=_TEMPLATE, height=height, **layout)
    return figure


def share_axis(values: Iterable[float]) -> dict[str, Any]:
    """An axis of fractions shown as percent that fits ``values``, a single one too, and never leaves 0 to 100 %."""
    found = list(values) or [0.0, 1.0]
    margin = max(LEAST_MARGIN, 0.08 * (max(found) - min(found)))
    return {"tickformat": ".2~%", "range": [max(0.0, min(found) - margin), min(1.0, max(found) + margin)]}


def layer_axis(figure: go.Figure, names: list[str]) -> None:
    """Layers in network order on x; plotly thins labels to what the width takes, and turns few where they collide."""
    turned = {"tickangle": -90} if len(names) > MOST_LEVEL_LABELS else {"autotickangles": [0, -90]}
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, **turned)
    figure.update_xaxes(tickfont={"size": 11}, showgrid=False, range=[-0.6, len(names) - 0.4])
