"""Horizontal bars of bytes, each with its size beside its name."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.figures.style import bars, styled, unchecked
from accelsim.reports.palette import TRAIN
from accelsim.reports.units import BYTES, human_bytes, scale_for


def size_bars(
    names: Sequence[str], sizes_bytes: Sequence[float], contents: Sequence[str], bar_height: int
) -> go.Figure:
    """Bars from the bottom up; ``contents`` tells in the hover text what each one holds."""
    largest = max(sizes_bytes)
    divisor, unit = scale_for(largest, BYTES)
    shown = [human_bytes(size) for size in sizes_bytes]
    figure = unchecked(
        [
            bars(
                orientation="h",
                y=[f"{name}  <b>{size}</b>" for name, size in zip(names, shown, strict=True)],
                x=[size / divisor for size in sizes_bytes],
                marker={"color": TRAIN, "line": {"width": 0}},
                hovertext=[f"<b>{n}</b><br>{s}: {c}" for n, s, c in zip(names, shown, contents, strict=True)],
                hoverinfo="text",
            )
        ]
    )
    figure.update_xaxes(title_text=f"Size ({unit})", range=[0, 1.04 * largest / divisor or 1])
    figure.update_yaxes(type="category", showgrid=False)
    return styled(figure, height=130 + bar_height * max(3, len(names)))
