"""Roofline of the MAC array: attained work against the work that each DRAM byte feeds."""

from __future__ import annotations

import math
from collections.abc import Hashable

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import label, phase_title, phases, text
from accelsim.reports.figures.limits import dram_bytes_per_cycle, peak_macs_per_cycle
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, phase_colour
from accelsim.reports.result import Result
from accelsim.reports.units import human_bytes, human_count, human_number


def roofline(result: Result) -> go.Figure | None:
    """One point a matrix product, its area its share of the cycles; None when there are no products."""
    points = _points(result.layers)
    if points.empty:
        return None
    figure = go.Figure()
    for phase in phases(points):
        _add_points(figure, points[points["phase"] == phase], float(points["cycles"].max()))
    span = float(points["intensity"].min()), float(points["intensity"].max())
    _add_limits(figure, result, span)
    figure.update_xaxes(title_text="MACs per DRAM byte", type="log", exponentformat="SI", dtick=1)
    figure.update_yaxes(title_text="MACs per cycle", type="log", exponentformat="SI", dtick=1)
    return styled(figure, height=430, legend_itemsizing="constant")


def _points(layers: pd.DataFrame) -> pd.DataFrame:
    """Operations with MACs; those that touch no DRAM go to the right edge."""
    products = layers[(layers["macs"] > 0) & (layers["end_cycle"] > layers["start_cycle"])]
    cycles = products["end_cycle"] - products["start_cycle"]
    intensity = products["macs"] / products["dram_bytes"].where(products["dram_bytes"] > 0)
    edge = 2 * intensity.max() if intensity.notna().any() else 1.0
    return products.assign(
        cycles=cycles, attained=products["macs"] / cycles, resident=intensity.isna(), intensity=intensity.fillna(edge)
    ).sort_values("resident", kind="stable")


def _add_points(figure: go.Figure, points: pd.DataFrame, longest: float) -> None:
    phase = str(points["phase"].iloc[0])
    figure.add_scatter(
        x=points["intensity"].tolist(),
        y=points["attained"].tolist(),
        mode="markers",
        name=phase_title(phase),
        marker={
            "color": phase_colour(phase),
            "opacity": 0.8,
            "line": {"width": 0.7, "color": "rgba(255,255,255,0.7)"},
            "size": [6 + 16 * math.sqrt(cycles / longest) for cycles in points["cycles"]],
            "symbol": ["triangle-right" if resident else "circle" for resident in points["resident"]],
        },
        hovertext=[_hover(row) for row in points.to_dict("records")],
        hoverinfo="text",
    )


def _hover(row: dict[Hashable, object]) -> str:
    fed = "no DRAM traffic" if row["resident"] else f"{human_number(float(str(row['intensity'])))} MACs per DRAM byte"
    macs, cycles, moved = (float(str(row[key])) for key in ("macs", "cycles", "dram_bytes"))
    return (
        f"<b>{label(row['layer'])}</b>, {text(row['operation'])}<br>{human_number(macs / cycles)} MACs per cycle, {fed}"
        f"<br>{human_count(macs)} MACs in {human_count(cycles)} cycles, {row['passes']} passes, {human_bytes(moved)}"
    )


def _add_limits(figure: go.Figure, result: Result, span: tuple[float, float]) -> None:
    """The roof: bandwidth up to the ridge, then the arrays' peak; dotted, the peak of one array."""
    peak, bandwidth = peak_macs_per_cycle(result), dram_bytes_per_cycle(result)
    if not peak:
        return
    ridge = peak / bandwidth if bandwidth else span[0]
    left, right = min(span[0], ridge) / 2, max(span[1], ridge) * 4
    slope = f"{human_number(bandwidth)} B per cycle" if bandwidth else ""
    start = left * bandwidth if bandwidth else peak
    _add_limit(figure, "Limit", [left, ridge, right], [start, peak, peak], slope)
    one = peak_macs_per_cycle(result, arrays=1)
    if one and one < peak:
        _add_limit(figure, "One array", [one / bandwidth if bandwidth else left, right], [one, one], dash="dot")


def _add_limit(
    figure: go.Figure, name: str, x: list[float], y: list[float], slope: str = "", dash: str = "solid"
) -> None:
    """A line with its level written at its right end and its slope at its left end."""
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+text",
        name=name,
        text=[slope, *[""] * (len(x) - 2), f"{human_number(y[-1])} MACs per cycle"],
        textposition=["bottom right", *["middle center"] * (len(x) - 2), "top left"],
        textfont={"size": 11},
        line={"color": OTHER, "width": 2, "dash": dash},
        hoverinfo="name",
    )
