"""Bytes of the stored model by class of tensor."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import TRAIN
from accelsim.reports.result import Result
from accelsim.reports.units import BYTES, human_bytes, human_count, scale_for


def model_size(result: Result) -> go.Figure | None:
    """Horizontal bars, the largest class on top, each with its size written out."""
    frame = result.model_size
    if frame.empty:
        return None
    ordered = frame.sort_values("bytes", kind="stable")
    divisor, unit = scale_for(float(ordered["bytes"].max()), BYTES)
    names = [
        f"{text(kind).replace('_', ' ')} ({text(f)})"
        for kind, f in zip(ordered["class"], ordered["format"], strict=True)
    ]
    sizes = [human_bytes(value) for value in ordered["bytes"]]
    counts = zip(names, sizes, ordered["elements"], ordered["tensors"], strict=True)
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=names,
            x=(ordered["bytes"] / divisor).tolist(),
            text=sizes,
            textposition="outside",
            cliponaxis=False,
            marker={"color": TRAIN},
            hovertext=[f"<b>{n}</b><br>{s}: {human_count(e)} elements in {t} tensors" for n, s, e, t in counts],
            hoverinfo="text",
        )
    )
    figure.update_xaxes(title_text=f"Size ({unit})", range=[0, 1.22 * float(ordered["bytes"].max()) / divisor or 1])
    figure.update_yaxes(showgrid=False)
    return styled(figure, height=130 + 42 * max(3, len(ordered)))
