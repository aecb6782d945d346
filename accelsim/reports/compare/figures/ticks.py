"""Names of results below their bars."""

from __future__ import annotations

import re
from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import text

TICK_CHARACTERS = 24
"""Of a line, where it can be broken: so much stands below a bar of four."""
_PIECE = re.compile(r"[^ .=]*(?:[.=]| |$)")
"""Up to where a line may end: settings break after a dot or an equals sign, too."""


def name_bars(figure: go.Figure, names: Sequence[str]) -> None:
    """Category names of the x axis, long ones on several lines: on one they would turn upright and take the room."""
    shown = [folded(name) for name in names]
    figure.update_xaxes(
        type="category", showgrid=False, tickvals=[text(name) for name in names], ticktext=shown, automargin=True
    )


def folded(name: str) -> str:
    """``name`` for a plotly label, on lines of up to ``TICK_CHARACTERS`` where it can be broken."""
    lines = [""]
    for piece in _PIECE.findall(name):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > TICK_CHARACTERS:
            lines.append("")
        lines[-1] += piece
    return "<br>".join(text(line.rstrip()) for line in lines if line.strip())
