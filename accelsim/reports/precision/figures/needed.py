"""Heat map of the bits that each layer needs in each class."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import label
from accelsim.reports.figures.narrow import on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import GRID
from accelsim.reports.precision.aggregate import ALL_LAYERS
from accelsim.reports.precision.classes import CLASSES, SHORT, class_title
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.precision.tables import most_bits, needed_text

ROW_PX, LOW_ROW_PX, MANY_ROWS = 30, 19, 24
"""Height of a row, and of one where there are many."""
SCALE = [[0.0, "#e8f1fa"], [0.35, "#8fc1e3"], [0.7, "#2b83c6"], [1.0, "#123f6b"]]


def needed(result: PrecisionResult) -> go.Figure | None:
    """A row for each layer, the first one on top; None where nothing was measured."""
    found = result.bits_needed[result.bits_needed["layer"] != ALL_LAYERS]
    if found.empty:
        return None
    layers, most = _layers(result.precision), most_bits(result)
    classes = [name for name in CLASSES if name in set(found["class"])]
    cells = {(row["layer"], row["class"]): row for _, row in found.iterrows()}
    grid = [[cells.get((layer, name)) for name in classes] for layer in layers]
    values = [[_value(cell, most) for cell in row] for row in grid]
    figure = go.Figure(
        go.Heatmap(
            x=[SHORT.get(name, name).replace(" ", "<br>") for name in classes],
            y=[label(layer) for layer in layers],
            z=values,
            text=[[_shown(cell, most) for cell in row] for row in grid],
            texttemplate="%{text}",
            hovertext=[[_hover(cell, most) for cell in row] for row in grid],
            hoverinfo="text",
            colorscale=SCALE,
            zmin=min(result.summary["bits"]),
            zmax=most + 1,
            xgap=2,
            ygap=2,
            showscale=False,
        )
    )
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, linecolor=GRID)
    figure.update_xaxes(side="top", showgrid=False, tickangle=0, tickfont={"size": 11})
    height = 90 + (LOW_ROW_PX if len(layers) > MANY_ROWS else ROW_PX) * len(layers)
    on_narrow(figure, height=height + 20, **{"xaxis.tickfont.size": 9, "yaxis.tickfont.size": 10})
    return styled(figure, height=height)


def _layers(precision: pd.DataFrame) -> list[str]:
    """In the order of the forward pass."""
    return list(dict.fromkeys(precision["layer"]))


def _value(cell: pd.Series[float] | None, most: int) -> float | None:
    if cell is None:
        return None
    return most + 1.0 if pd.isna(cell["bits_needed"]) else float(cell["bits_needed"])


def _shown(cell: pd.Series[float] | None, most: int) -> str:
    if cell is None:
        return ""
    return f">{most}" if pd.isna(cell["bits_needed"]) else f"{cell['bits_needed']:.0f}"


def _hover(cell: pd.Series[float] | None, most: int) -> str:
    if cell is None:
        return ""
    return (
        f"<b>{label(cell['layer'])}</b><br>{class_title(str(cell['class']))}<br>"
        f"needs {needed_text(float(cell['bits_needed']), most)} bits, has {cell['machine_format']}<br>"
        f"cosine {cell['cosine_mean']:.4f} ± {cell['cosine_sd']:.4f}"
    )
