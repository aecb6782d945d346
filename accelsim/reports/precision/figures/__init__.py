"""Figures of the precision page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from accelsim.reports.precision.figures.by_bits import cosine_by_bits, lost_by_bits
from accelsim.reports.precision.figures.distribution import distribution
from accelsim.reports.precision.figures.needed import needed
from accelsim.reports.precision.figures.over_steps import over_steps
from accelsim.reports.precision.result import PrecisionResult

__all__ = ["FIGURES", "PrecisionFigure", "draw_precision"]


@dataclass(frozen=True)
class PrecisionFigure:
    """A figure of the page; ``draw`` returns None where there is nothing to show."""

    name: str
    title: str
    explanation: str
    draw: Callable[[PrecisionResult], go.Figure | None]
    wide: bool = False


FIGURES = (
    PrecisionFigure(
        "cosine",
        "Cosine of the angle to the unquantised tensor",
        "Mean over tensors and steps, by class; bands are one standard deviation to either side. Grey: the paper's "
        "bound for Gaussian tensors, the same with a right triangle, and what Gaussian tensors of these sizes have on "
        "average under these quantisers.",
        cosine_by_bits,
        wide=True,
    ),
    PrecisionFigure(
        "lost",
        "What is missing from 1",
        "1 - mean cosine. Under a fixed range each bit divides it by about 4; a class above the grey lines has a wider "
        "range for its power than a Gaussian, or lost more than noise.",
        lost_by_bits,
    ),
    PrecisionFigure(
        "steps",
        "Cosine over training steps",
        "Mean over the layers of each class, at one number of bits.",
        over_steps,
    ),
    PrecisionFigure(
        "needed",
        "Bits needed, by layer and class",
        "The fewest bits by the rule above the tables; a darker field needs more.",
        needed,
        wide=True,
    ),
    PrecisionFigure(
        "distribution",
        "How a tensor's values are distributed",
        "Of the last step looked at: density over the root mean square, and a Gaussian's (grey). Logarithmic, so that "
        "tails show; a peak at zero beside heavy tails is what few bits can't hold.",
        distribution,
        wide=True,
    ),
)
"""Every figure, in page order."""


def draw_precision(result: PrecisionResult) -> list[tuple[PrecisionFigure, go.Figure]]:
    """The figures that ``result`` has something to show in."""
    drawn = ((spec, spec.draw(result)) for spec in FIGURES)
    return [(spec, figure) for spec, figure in drawn if figure is not None]
