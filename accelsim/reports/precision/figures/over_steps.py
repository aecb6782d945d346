"""Mean cosine of each class over the steps looked at; the reader chooses the number of bits."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from accelsim.reports.figures.narrow import on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.figures.ticks import log_axis
from accelsim.reports.palette import OTHER
from accelsim.reports.precision.aggregate import aggregated
from accelsim.reports.precision.classes import CLASSES, COLOURS, SHORT, class_title
from accelsim.reports.precision.result import PrecisionResult

FIRST_CHOICES = (4, 6, 8)
"""Shown at first: the first of them that was tried."""
ROOM = 0.08


def over_steps(result: PrecisionResult) -> go.Figure | None:
    """Lines over the steps on a logarithmic axis; None where one step was looked at."""
    found = aggregated(result.precision, ["class", "bits", "step"])
    if found["step"].nunique() < 2:
        return None
    classes = [name for name in CLASSES if name in set(found["class"])]
    tried = sorted(set(found["bits"]))
    first = next((bits for bits in FIRST_CHOICES if bits in tried), tried[0])
    order = [first, *(bits for bits in tried if bits != first)]
    figure = go.Figure()
    choices: list[dict[str, Any]] = []
    for bits in order:
        rows = found[found["bits"] == bits]
        for name in classes:
            line = rows[rows["class"] == name].sort_values("step")
            figure.add_scatter(
                x=line["step"].tolist(),
                y=line["mean"].tolist(),
                mode="lines+markers",
                name=SHORT[name],
                visible=bits == first,
                line={"color": COLOURS.get(name, OTHER), "width": 2},
                hovertemplate=f"<b>{class_title(name)}</b><br>step %{{x}}, {bits} bits: %{{y:.5f}}<extra></extra>",
            )
        start = len(choices) * len(classes)
        low, high = float(rows["mean"].min()), float(rows["mean"].max())
        margin = ROOM * (high - low) or 1e-6
        choices.append(
            {
                "group": "Bits",
                "name": f"{bits} bits",
                "traces": list(range(start, start + len(classes))),
                "names": [SHORT[name] for name in classes],
                "colours": [COLOURS.get(name, OTHER) for name in classes],
                "layout": {"yaxis.range": [low - margin, high + margin]},
            }
        )
    figure.update_xaxes(title_text="Training step", **log_axis(found["step"]))
    figure.update_yaxes(title_text="Cosine", range=choices[0]["layout"]["yaxis.range"])
    on_narrow(figure, height=520)
    meta = {**(figure.layout.meta or {}), "choices": choices}
    return styled(figure, height=430, meta=meta)
