"""Roofline: the rate of every operation, and of whole phases, against the operations that a DRAM byte feeds."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import label, part_labels, phase_title, phases, text
from accelsim.reports.figures.limits import dram_bytes_per_cycle, peak_macs_per_cycle, product_macs_per_cycle
from accelsim.reports.figures.phase_marks import phase_marks
from accelsim.reports.figures.style import Trace, points, styled, unchecked
from accelsim.reports.figures.ticks import log_axis
from accelsim.reports.palette import OTHER, UNITS, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_bytes, human_count, human_number, human_percent

MOST_POINTS = 3000
"""Of more operations than this, the longest are shown."""

_NUMBERS = (
    "operations_per_cycle",
    "limit_operations_per_cycle",
    "share_of_limit",
    "intensity",
    "arithmetic_operations",
    "cycles",
    "moved",
)
_WORDS = ("layer", "operation", "part_label", "unit", "lanes", "resident")
"""What is said of a mark."""


def roofline(result: Result) -> go.Figure | None:
    """One mark an operation, its area its share of the cycles, one a phase; None when no operation computes."""
    found = _found(result.operations)
    if found.empty:
        return None
    longest = float(found["cycles"].max())
    traces = [_marks(found[found["phase"] == phase], longest) for phase in phases(found)]
    span = float(found["intensity"].min()), float(found["intensity"].max())
    traces += [*phase_marks(result.roofline, span[1]), *_limits(result, span)]
    figure = unchecked(traces)
    figure.update_xaxes(title_text="Operations per DRAM byte", **log_axis(x for trace in traces for x in trace["x"]))
    figure.update_yaxes(title_text="Operations per cycle", **log_axis(y for trace in traces for y in trace["y"]))
    figure.update_layout(legend={"itemsizing": "constant"})
    return styled(figure, height=520)


def _found(operations: pd.DataFrame) -> pd.DataFrame:
    """Operations that take time and compute; those that touch no DRAM go to the right edge."""
    cycles = operations["end_cycle"] - operations["start_cycle"]
    if "prefetch_cycles" in operations:
        cycles += operations["prefetch_cycles"]
    shown = operations.assign(cycles=cycles)[(cycles > 0) & (operations["arithmetic_operations"] > 0)]
    shown = shown.nlargest(MOST_POINTS, "cycles") if len(shown) > MOST_POINTS else shown
    moved = shown["dram_read_bytes"] + shown["dram_write_bytes"]
    intensity = shown["operations_per_dram_byte"].where(moved > 0)
    edge = 2 * intensity.max() if intensity.notna().any() else 1.0
    found = shown.assign(
        moved=moved,
        resident=moved == 0,
        lanes=shown["unit"] != "mac_array",
        intensity=intensity.fillna(edge),
        part_label=part_labels(shown),
    )
    return found.sort_values(["resident", "lanes"], kind="stable")


def _marks(operations: pd.DataFrame, longest: float) -> Trace:
    """Those of one phase; ``longest``: cycles of the operation that takes the most."""
    phase = str(operations["phase"].iloc[0])
    rows = operations[[*_NUMBERS, *_WORDS]].to_dict("records")
    return points(
        x=operations["intensity"].tolist(),
        y=operations["operations_per_cycle"].tolist(),
        mode="markers",
        name=phase_title(phase),
        marker={
            "color": phase_colour(phase),
            "line": {"color": "rgba(255,255,255,0.7)", "width": 0.7},
            "opacity": 0.8,
            "size": [6 + 16 * math.sqrt(cycles / longest) for cycles in operations["cycles"].tolist()],
            "symbol": [_symbol(row) for row in rows],
        },
        hovertext=[_hover(row) for row in rows],
        hoverinfo="text",
    )


def _symbol(row: dict[Hashable, object]) -> str:
    """Products are filled, other work is open; a triangle stands for no DRAM traffic."""
    shape = "triangle-right" if row["resident"] else "circle"
    return f"{shape}-open" if row["lanes"] else shape


def _hover(row: dict[Hashable, object]) -> str:
    rate, limit, share, intensity, work, cycles, moved = (float(str(row[key])) for key in _NUMBERS)
    fed = "no DRAM traffic" if row["resident"] else f"{human_count(intensity)} operations per DRAM byte"
    unit = UNITS.get(str(row["unit"]), text(row["unit"]))
    return (
        f"<b>{label(row['layer'])}</b>, {text(row['operation'])}{row['part_label']} ({unit})"
        f"<br>{human_count(rate)} operations per cycle, {human_percent(share)} of its limit of {human_count(limit)}"
        f"<br>{fed}<br>{human_count(work)} operations in {human_count(cycles)} cycles, {human_bytes(moved)}"
    )


def _limits(result: Result, span: tuple[float, float]) -> Iterator[Trace]:
    """The roof: bandwidth up to the ridge, then the arrays' peak; dotted, the peak of one array."""
    macs, bandwidth = peak_macs_per_cycle(result), dram_bytes_per_cycle(result)
    if not macs:
        return
    peak = 2 * macs
    ridge = peak / bandwidth if bandwidth else span[0]
    left, right = min(span[0], ridge) / 2, max(span[1], ridge) * 4
    slope = f"{human_number(bandwidth)} B per cycle" if bandwidth else ""
    start = left * bandwidth if bandwidth else peak
    yield _limit("Limit", [left, ridge, right], [start, peak, peak], slope)
    one = 2 * (product_macs_per_cycle(result) or macs)
    if one < peak:
        yield _limit(
            "One array", [one / bandwidth if bandwidth else left, right], [one, one], dash="dot", level="bottom left"
        )


def _limit(
    name: str, x: list[float], y: list[float], slope: str = "", dash: str = "solid", level: str = "top left"
) -> Trace:
    """A line with its level written at its right end, at the side ``level``, and its slope at its left end.

    The lower of two lines has its level below it: over many decades they are too near for a text between them.
    """
    return points(
        x=x,
        y=y,
        mode="lines+text",
        name=name,
        text=[slope, *[""] * (len(x) - 2), f"{human_count(y[-1])} per cycle"],
        textposition=["bottom right", *["middle center"] * (len(x) - 2), level],
        textfont={"size": 11},
        line={"color": OTHER, "dash": dash, "width": 2},
        hoverinfo="name",
    )
