"""DRAM traffic of all results by class of tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.rows import named_rows
from accelsim.reports.palette import TENSOR_CLASSES, result_colour
from accelsim.reports.result import Result
from accelsim.reports.traffic import Moved, by_class, class_title
from accelsim.reports.units import BYTES, human_bytes, scale_for

BAR_PX = 16


def traffic(results: Sequence[Result]) -> go.Figure | None:
    """A group of bars a class, one a result; None when no traffic is known."""
    found = [by_class(result.traffic) for result in results]
    known = dict.fromkeys([*TENSOR_CLASSES, *(name for sums in found for name in sums)])
    classes = [name for name in known if any(name in sums for sums in found)]
    if not classes:
        return None
    divisor, unit = scale_for(max(moved.bytes for sums in found for moved in sums.values()), BYTES)
    figure = go.Figure()
    for index, (label, sums) in enumerate(zip(unique_labels(results), found, strict=True)):
        moved = {text(class_title(name)): sums.get(name, Moved()) for name in classes}
        _add_bars(figure, text(label), result_colour(index), moved, divisor)
    figure.update_xaxes(title_text=f"DRAM traffic ({unit})")
    return named_rows(figure, [text(class_title(name)) for name in classes], BAR_PX * len(results), "group")


def _add_bars(figure: go.Figure, label: str, colour: str, moved: Mapping[str, Moved], divisor: float) -> None:
    figure.add_bar(
        orientation="h",
        y=list(moved),
        x=[each.bytes / divisor for each in moved.values()],
        name=label,
        marker={"color": colour, "line": {"width": 0}},
        hovertext=[
            f"<b>{title}</b><br>{label}: read {human_bytes(each.read_bytes)}, written {human_bytes(each.write_bytes)}"
            for title, each in moved.items()
        ],
        hoverinfo="text",
    )
