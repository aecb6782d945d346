"""Figures of the comparison page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.compare.figures.curves import curves
from accelsim.reports.compare.figures.cycles import cycles
from accelsim.reports.compare.figures.energy import energy
from accelsim.reports.compare.figures.frontier import frontier, time_to_accuracy
from accelsim.reports.compare.figures.ratios import drawn_metrics, ratios
from accelsim.reports.compare.figures.traffic import traffic
from accelsim.reports.compare.metrics import better_way
from accelsim.reports.figure_spec import Drawn, FigureSpec, drawn
from accelsim.reports.result import Result

__all__ = ["FIGURES", "draw_comparison"]


FIGURES: tuple[FigureSpec[Sequence[Result]], ...] = (
    FigureSpec(
        "ratios",
        "Ratio to the first run",
        "Each metric divided by the first run's, on a doubling scale. Left of the line is less.",
        ratios,
        adds=lambda results: better_way(drawn_metrics(results)),
    ),
    FigureSpec(
        "curves",
        "Loss and accuracy over training steps",
        "Cross-entropy of the training batches (means over stretches of steps where the run is long) and share of "
        "correctly classified test images after each epoch.",
        curves,
    ),
    FigureSpec(
        "cycles",
        "Cycles by phase",
        "Cycles that units are held in one training step: solid while they compute, pale while they wait for DRAM or a "
        "buffer. Units work side by side, so the bars may add up to more than the step takes.",
        cycles,
        wide=False,
    ),
    FigureSpec(
        "energy",
        "Energy by component",
        "Energy of one training step: MAC array passes, arithmetic of the other units, on-chip buffers, off-chip "
        "transfers, links of a cluster.",
        energy,
        wide=False,
    ),
    FigureSpec(
        "traffic",
        "DRAM traffic by tensor class",
        "Bytes read and written in one training step, by what they are. Stash is what the forward pass keeps for the "
        "backward pass; activations only the forward pass reads.",
        traffic,
    ),
    FigureSpec(
        "frontier",
        "Accuracy against training energy",
        "Test accuracy after each epoch against the simulated energy of all steps so far; the large mark is the end of "
        "the run. Up and left is better.",
        frontier,
        wide=False,
    ),
    FigureSpec(
        "time_to_accuracy",
        "Accuracy against training time",
        "Test accuracy after each epoch against the simulated time of all steps so far, on the accelerator; the large "
        "mark is the end of the run. Up and left is better. Evaluations take no time here.",
        time_to_accuracy,
        wide=False,
    ),
)
"""Every figure, in page order."""


def draw_comparison(results: Sequence[Result]) -> Drawn[Sequence[Result]]:
    """The figures that ``results`` have something to show in."""
    return drawn(FIGURES, results)
