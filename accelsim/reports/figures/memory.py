"""Bytes of the tensors of a training step by role."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import numbers, text
from accelsim.reports.figures.sizes import size_bars
from accelsim.reports.result import Result


def memory(result: Result) -> go.Figure | None:
    """Horizontal bars, the largest role on top; None when no tensor is listed."""
    if result.dtypes.empty:
        return None
    frame = result.dtypes.assign(bytes=numbers(result.dtypes, "bytes"))
    sums = frame.groupby("role")["bytes"].agg(["sum", "count"]).sort_values("sum", kind="stable")
    names = [text(role).replace("_", " ") for role in sums.index]
    return size_bars(names, sums["sum"].tolist(), [f"{count} tensors" for count in sums["count"]], bar_height=30)
