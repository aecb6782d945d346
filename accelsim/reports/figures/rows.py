"""Horizontal bars whose rows have long names: beside them, or above each where the screen is narrow."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.figures.narrow import names_above, on_narrow
from accelsim.reports.figures.style import styled

GAP_PX = 20
NARROW_GAP_PX = 36
"""Between bars where names stand over them."""
_FRAME_PX = 110
_NARROW_FRAME_PX = 160
"""Legend and axis."""


def named_rows(figure: go.Figure, names: Sequence[str], bars_px: int, barmode: str) -> go.Figure:
    """``figure`` with its bars in rows of ``bars_px`` pixels, the first of ``names`` on top."""
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names, range=[len(names) - 0.5, -0.5], showgrid=False
    )
    row_px, narrow_px = bars_px + GAP_PX, bars_px + NARROW_GAP_PX
    names_above(figure, names, row_px=narrow_px)
    on_narrow(figure, height=_NARROW_FRAME_PX + len(names) * narrow_px, bargap=NARROW_GAP_PX / narrow_px)
    height = _FRAME_PX + len(names) * row_px
    return styled(figure, height=height, barmode=barmode, showlegend=True, bargap=GAP_PX / row_px)
