"""DRAM traffic of each class of tensor by phase, reads apart from writes."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import phase_title, phases, text
from accelsim.reports.figures.rows import named_rows
from accelsim.reports.figures.style import Trace, bars, unchecked
from accelsim.reports.palette import faded, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.traffic import by_class, class_title
from accelsim.reports.units import BYTES, human_bytes, scale_for

BAR_PX = 20


def tensor_classes(result: Result) -> go.Figure | None:
    """Stacked horizontal bars, one a class, the first on top; None when nothing touches DRAM."""
    sums = by_class(result.traffic)
    if not sums:
        return None
    divisor, unit = scale_for(max(moved.bytes for moved in sums.values()), BYTES)
    traces = []
    for phase in phases(result.traffic):
        found = by_class(result.traffic, phase)
        traces.append(_bars(phase, "read", {name: moved.read_bytes for name, moved in found.items()}, divisor))
        traces.append(_bars(phase, "written", {name: moved.write_bytes for name, moved in found.items()}, divisor))
    figure = unchecked(traces)
    names = [text(class_title(name)) for name in sums]
    figure.update_xaxes(title_text=f"DRAM traffic ({unit})")
    return named_rows(figure, names, BAR_PX, "stack")


def _bars(phase: str, way: str, sizes: Mapping[str, float], divisor: float) -> Trace:
    """Solid bars for reads, pale ones for writes; a click on the legend toggles both."""
    title, colour = phase_title(phase), phase_colour(phase)
    names = [text(class_title(name)) for name in sizes]
    return bars(
        orientation="h",
        y=names,
        x=[size / divisor for size in sizes.values()],
        name=title,
        legendgroup=phase,
        showlegend=way == "read",
        marker={"color": colour if way == "read" else faded(colour), "line": {"width": 0}},
        hovertext=[
            f"<b>{name}</b><br>{title}, {way}: {human_bytes(size)}"
            for name, size in zip(names, sizes.values(), strict=True)
        ],
        hoverinfo="text",
    )
