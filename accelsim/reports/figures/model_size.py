"""Bytes of the stored model by class of tensor."""

from __future__ import annotations

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import numbers, text
from accelsim.reports.figures.sizes import size_bars
from accelsim.reports.result import Result
from accelsim.reports.units import human_count


def model_size(result: Result) -> go.Figure | None:
    """Horizontal bars, the largest class on top; None when no class is listed."""
    if result.model_size.empty:
        return None
    ordered = result.model_size.assign(bytes=numbers(result.model_size, "bytes")).sort_values("bytes", kind="stable")
    rows = ordered[["class", "format", "elements", "tensors"]].itertuples(index=False, name=None)
    names, contents = [], []
    for kind, format_, elements, tensors in rows:
        names.append(f"{text(kind).replace('_', ' ')} ({text(format_)})")
        contents.append(f"{human_count(elements)} elements in {tensors} tensors")
    return size_bars(names, ordered["bytes"].tolist(), contents, bar_height=42)
