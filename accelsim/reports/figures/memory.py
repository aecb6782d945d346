"""Bytes of the tensors of a training step by role."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import numbers, text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import TRAIN
from accelsim.reports.result import Result
from accelsim.reports.units import BYTES, human_bytes, scale_for


def memory(result: Result) -> go.Figure | None:
    """Horizontal bars, the largest role on top; None when no tensor is listed."""
    if result.dtypes.empty:
        return None
    frame = result.dtypes.assign(bytes=numbers(result.dtypes, "bytes"))
    sums = frame.groupby("role")["bytes"].agg(["sum", "count"]).sort_values("sum", kind="stable")
    largest = float(sums["sum"].max())
    divisor, unit = scale_for(largest, BYTES)
    names = [text(role).replace("_", " ") for role in sums.index]
    sizes = [human_bytes(value) for value in sums["sum"]]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=names,
            x=(sums["sum"] / divisor).tolist(),
            text=sizes,
            textposition="outside",
            cliponaxis=False,
            marker={"color": TRAIN},
            hovertext=[
                f"<b>{n}</b><br>{s} in {c} tensors" for n, s, c in zip(names, sizes, sums["count"], strict=True)
            ],
            hoverinfo="text",
        )
    )
    figure.update_xaxes(title_text=f"Size ({unit})", range=[0, 1.22 * largest / divisor or 1])
    figure.update_yaxes(showgrid=False)
    return styled(figure, height=130 + 30 * max(3, len(sums)))
