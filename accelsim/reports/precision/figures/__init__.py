"""Figures of the precision page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from accelsim.reports.figure_spec import Drawn, FigureSpec, drawn
from accelsim.reports.precision.figures.by_bits import cosine_by_bits, lost_by_bits
from accelsim.reports.precision.figures.distribution import distribution
from accelsim.reports.precision.figures.needed import needed
from accelsim.reports.precision.figures.over_steps import over_steps
from accelsim.reports.precision.result import PrecisionResult

__all__ = ["FIGURES", "draw_precision"]


FIGURES: tuple[FigureSpec[PrecisionResult], ...] = (
    FigureSpec(
        "cosine",
        "Cosine of the angle to the unquantised tensor",
        "Mean over tensors and steps, by class; bands are one standard deviation to either side. Grey: the paper's "
        "bound for Gaussian tensors, the same with a right triangle, and what Gaussian tensors of these sizes have on "
        "average under these quantisers.",
        cosine_by_bits,
    ),
    FigureSpec(
        "lost",
        "What is missing from 1",
        "1 - mean cosine. Under a fixed range each bit divides it by about 4; a class above the grey lines has a wider "
        "range for its power than a Gaussian, or lost more than noise.",
        lost_by_bits,
        wide=False,
    ),
    FigureSpec(
        "steps",
        "Cosine over training steps",
        "Mean over the layers of each class, at one number of bits.",
        over_steps,
        wide=False,
    ),
    FigureSpec(
        "needed",
        "Bits needed, by layer and class",
        "The fewest bits by the rule above the tables; a darker field needs more.",
        needed,
    ),
    FigureSpec(
        "distribution",
        "How a tensor's values are distributed",
        "Of the last step looked at: density over the root mean square, and a Gaussian's (grey). Logarithmic, so that "
        "tails show; a peak at zero beside heavy tails is what few bits can't hold.",
        distribution,
    ),
)
"""Every figure, in page order."""


def draw_precision(result: PrecisionResult) -> Drawn[PrecisionResult]:
    """The figures that ``result`` has something to show in."""
    return drawn(FIGURES, result)
