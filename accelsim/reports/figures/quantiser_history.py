"""What each quantiser did over the training, a panel a measure; the reader chooses a role or a layer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.quantiser_choices import Choice, choices
from accelsim.reports.figures.style import Trace, points, styled, unchecked
from accelsim.reports.figures.ticks import log_axis_if_wide
from accelsim.reports.result import Result

NUMBERS = 150_000
"""Most numbers that the figure carries; of more recorded steps it shows some, evenly chosen."""
LEAST_STEPS, MOST_STEPS = 12, 150
PANEL_PX, GAP_PX, LEGEND_PX = 130, 42, 60


class Panel(NamedTuple):
    """One measure over the steps; ``least_top`` is where an axis from zero ends at least."""

    column: str
    title: str
    shown: str
    axis: dict[str, Any]
    least_top: float | None = None


PANELS = (
    Panel("scale_factor", "Scale", "%{y:.4g}", {"type": "log"}),
    Panel("saturated_share", "Saturated elements", "%{y:.3%}", {"tickformat": ".2~%"}, 0.01),
    Panel("zero_share", "Codes that are zero", "%{y:.2%}", {"tickformat": ".2~%"}, 0.1),
    Panel("sqnr_db", "Signal to quantisation noise (dB)", "%{y:.1f} dB", {}),
    Panel("cosine", "Cosine of the angle to what the codes stand for", "%{y:.6f}", {}),
)


def quantiser_history(result: Result) -> go.Figure | None:
    """Lines over the recorded steps; None where fewer than two were, or by an older version."""
    recorded = result.quantisers
    columns = {"layer", "role", *(panel.column for panel in PANELS)}
    if not columns <= set(recorded.columns) or recorded["step"].nunique() < 2:
        return None
    tensors = recorded.drop_duplicates("tensor")[["tensor", "layer", "role"]].reset_index(drop=True)
    extremes = recorded.groupby("tensor")[[panel.column for panel in PANELS]].agg(["min", "max"]).loc[tensors["tensor"]]
    known = choices(tensors)
    layouts = [_axes(choice, extremes) for choice in known]
    figure = unchecked(_lines(recorded, tensors, known[0]), _frame().layout)
    shown = [choice.in_panels(len(PANELS), len(tensors), layout) for choice, layout in zip(known, layouts, strict=True)]
    height = len(PANELS) * (PANEL_PX + GAP_PX) + LEGEND_PX
    styled(figure, height=height, legend={"y": 1 + 26 / height}, meta={"choices": shown})
    for key, value in shown[0]["layout"].items():
        figure.layout[key] = value
    return figure


def _frame() -> go.Figure:
    """Panels without their lines."""
    gap = GAP_PX / (len(PANELS) * (PANEL_PX + GAP_PX))
    titles = [f"<b>{panel.title}</b>" for panel in PANELS]
    figure = make_subplots(rows=len(PANELS), cols=1, shared_xaxes=True, vertical_spacing=gap, subplot_titles=titles)
    figure.update_annotations(x=0, xanchor="left", font={"size": 12})
    for row, panel in enumerate(PANELS, 1):
        figure.update_yaxes(row=row, col=1, **panel.axis)
    figure.update_xaxes(title_text="Training step", row=len(PANELS), col=1)
    return figure


def _axes(choice: Choice, extremes: pd.DataFrame) -> dict[str, Any]:
    """The ends of axes that start from zero, and the ticks of logarithmic ones, for the tensors of one choice."""
    shown, layout = extremes.iloc[list(choice.places)], dict[str, Any]()
    for number, panel in enumerate(PANELS, 1):
        low, high = float(shown[panel.column, "min"].min()), float(shown[panel.column, "max"].max())
        axis = f"yaxis{number}" if number > 1 else "yaxis"
        if panel.least_top is not None:
            layout[f"{axis}.range"] = [0, max(panel.least_top, 1.08 * high)]
        elif panel.axis.get("type") == "log":
            ticks = log_axis_if_wide([low, high])
            layout |= {f"{axis}.{name}": ticks[name] for name in ("tickvals", "ticktext")}
    return layout


def _lines(recorded: pd.DataFrame, tensors: pd.DataFrame, first: Choice) -> list[Trace]:
    """A line for each panel and tensor, panel after panel; only those of the choice ``first`` can be seen."""
    steps = _some(sorted(recorded["step"].unique()), len(tensors))
    looks = dict(zip(first.places, zip(first.names, first.colours, strict=True), strict=True))
    lines = []
    for number, panel in enumerate(PANELS, 1):
        table = recorded.pivot(index="step", columns="tensor", values=panel.column).loc[steps]
        for place, tensor in enumerate(tensors["tensor"]):
            name, colour = looks.get(place, ("", None))
            lines.append(
                points(
                    mode="lines+markers",
                    x=[int(step) for step in steps],
                    y=[_rounded(value, panel) for value in table[tensor]],
                    xaxis=f"x{number}" if number > 1 else "x",
                    yaxis=f"y{number}" if number > 1 else "y",
                    visible=place in looks,
                    name=name,
                    legendgroup=tensor,
                    showlegend=number == 1,
                    line={"color": colour, "width": 1.6},
                    marker={"size": 4},
                    hovertemplate=f"{text(tensor)}, step %{{x}}: {panel.shown}<extra></extra>",
                )
            )
    return lines


def _some(steps: list[Any], tensors: int) -> list[Any]:
    """The last step, and as many before it, evenly chosen, as the page can carry."""
    most = max(LEAST_STEPS, min(MOST_STEPS, NUMBERS // (tensors * len(PANELS))))
    every = -(-len(steps) // most)
    return steps[::-1][::every][::-1]


def _rounded(value: float, panel: Panel) -> float | None:
    """As the page shows it; nothing for what an axis can't show."""
    if not math.isfinite(value) or (panel.axis.get("type") == "log" and value <= 0):
        return None
    return float(f"{value:.6g}")
