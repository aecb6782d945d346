"""Cosine against bits by class, with what theory says of Gaussian tensors."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from accelsim.reports.figures.narrow import on_narrow
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import OTHER, faded
from accelsim.reports.precision.classes import COLOURS, SHORT, class_title
from accelsim.reports.precision.result import PrecisionResult

BOUNDS = {
    "paper_bound": ("Paper's bound", "dot"),
    "right_triangle_bound": ("Right triangle", "dash"),
}
_GAUSSIAN = {"nearest": ("Gaussian, nearest", "solid"), "stochastic": ("Gaussian, stochastic", "longdashdot")}
LEAST_LOST = 1e-9
"""Below it nothing but rounding of the sums shows."""


def cosine_by_bits(result: PrecisionResult) -> go.Figure | None:
    """Lines with bands of one standard deviation; None where nothing was measured."""
    found = result.by_class
    if found.empty:
        return None
    figure = go.Figure()
    for name, rows in found.groupby("class", sort=False):
        _band(figure, str(name), rows)
    for name, rows in found.groupby("class", sort=False):
        hover = [
            f"<b>{class_title(str(name))}</b><br>{row['bits']} bits: {row['mean']:.5f} ± {row['sd']:.5f}<br>"
            f"least {row['least']:.5f} of {row['tensors']} tensors"
            for _, row in rows.iterrows()
        ]
        figure.add_scatter(
            x=rows["bits"].tolist(),
            y=rows["mean"].tolist(),
            mode="lines+markers",
            name=class_title(str(name)),
            legendgroup=str(name),
            line={"color": _colour(str(name)), "width": 2},
            hovertext=hover,
            hoverinfo="text",
        )
    _references(figure, result.precision)
    figure.add_hline(y=result.cosine, line={"color": OTHER, "width": 1, "dash": "dot"}, opacity=0.6)
    figure.update_xaxes(title_text="Bits", tickvals=result.summary["bits"])
    figure.update_yaxes(title_text="Cosine", range=[0, 1.03])
    on_narrow(figure, height=640)
    return styled(figure, height=480)


def lost_by_bits(result: PrecisionResult) -> go.Figure | None:
    """1 - cosine on a logarithmic axis; None where nothing was measured."""
    found = result.by_class
    if found.empty:
        return None
    figure = go.Figure()
    lost = (1 - found["mean"]).where(lambda values: values > LEAST_LOST)
    for name, rows in found.assign(lost=lost).dropna(subset="lost").groupby("class", sort=False):
        figure.add_scatter(
            x=rows["bits"].tolist(),
            y=rows["lost"].tolist(),
            mode="lines+markers",
            name=SHORT.get(str(name), str(name)),
            line={"color": _colour(str(name)), "width": 2},
            hovertemplate=f"<b>{class_title(str(name))}</b><br>%{{x}} bits: %{{y:.3g}}<extra></extra>",
        )
    for reference, dash, values in _gaussian(result.precision):
        missing = 1 - values
        _reference(figure, reference, dash, missing[missing > LEAST_LOST], ".3g")
    figure.update_xaxes(title_text="Bits", tickvals=result.summary["bits"])
    figure.update_yaxes(title_text="1 - cosine", type="log", exponentformat="power", dtick=1)
    on_narrow(figure, height=560)
    return styled(figure, height=460)


def _band(figure: go.Figure, name: str, rows: pd.DataFrame) -> None:
    low, high = (rows["mean"] - rows["sd"]).clip(lower=-1), (rows["mean"] + rows["sd"]).clip(upper=1)
    figure.add_scatter(
        x=[*rows["bits"], *rows["bits"][::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=faded(_colour(name), 0.13),
        line={"width": 0},
        mode="lines",
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )


def _references(figure: go.Figure, precision: pd.DataFrame) -> None:
    for column, (name, dash) in BOUNDS.items():
        _reference(figure, name, dash, precision.dropna(subset=column).groupby("bits")[column].mean(), ".4f")
    for name, dash, values in _gaussian(precision):
        _reference(figure, name, dash, values, ".4f")


def _gaussian(precision: pd.DataFrame) -> list[tuple[str, str, pd.Series[float]]]:
    """Name, dash and mean expectation by bits of the quantisers that round to nearest, and of those that draw lots."""
    known = precision.dropna(subset="gaussian_cosine")
    kinds = known["rounding"].where(known["rounding"] == "stochastic", "nearest")
    return [
        (*_GAUSSIAN[str(kind)], rows.groupby("bits")["gaussian_cosine"].mean()) for kind, rows in known.groupby(kinds)
    ]


def _reference(figure: go.Figure, name: str, dash: str, values: pd.Series[float], shown: str) -> None:
    figure.add_scatter(
        x=values.index.tolist(),
        y=values.tolist(),
        mode="lines",
        name=name,
        line={"color": OTHER, "width": 1.5, "dash": dash},
        hovertemplate=f"{name}<br>%{{x}} bits: %{{y:{shown}}}<extra></extra>",
    )


def _colour(name: str) -> str:
    return COLOURS.get(name, OTHER)
