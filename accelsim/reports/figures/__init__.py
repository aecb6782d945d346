"""Figures of the run page, in page order. A new figure is one file here and one line in ``FIGURES``."""

from __future__ import annotations

from accelsim.reports.figure_spec import Drawn, FigureSpec, drawn
from accelsim.reports.figures.critical_path import critical_path
from accelsim.reports.figures.curves import curves
from accelsim.reports.figures.cycles import cycles
from accelsim.reports.figures.energy import energy_by_layer, energy_by_phase
from accelsim.reports.figures.hidden import hidden
from accelsim.reports.figures.machine import machine
from accelsim.reports.figures.memory import memory
from accelsim.reports.figures.model_size import model_size
from accelsim.reports.figures.norms import norms
from accelsim.reports.figures.quantiser_history import quantiser_history
from accelsim.reports.figures.quantisers import quantisers
from accelsim.reports.figures.roofline import roofline
from accelsim.reports.figures.tensor_classes import tensor_classes
from accelsim.reports.figures.timeline import timeline
from accelsim.reports.figures.traffic import traffic
from accelsim.reports.figures.waits import waits
from accelsim.reports.result import Result

__all__ = ["FIGURES", "draw_all"]


FIGURES: tuple[FigureSpec[Result], ...] = (
    FigureSpec(
        "curves",
        "Loss and accuracy over training steps",
        "Cross-entropy of the training batches and share of correctly classified images in them (means over stretches "
        "of steps where the run is long), and the same of the test images after each epoch, in the accelerator's own "
        "arithmetic.",
        curves,
    ),
    FigureSpec(
        "norms",
        "Gradients, weights and learning rate",
        "Euclidean norms over all parameters: of their gradients as the update reads them, before any clipping, and of "
        "their values before the step; the learning rate of the step, and the loss's scale where the machine has one. "
        "Steps that were skipped have no gradient norm.",
        norms,
    ),
    FigureSpec(
        "machine",
        "The machine",
        "Memories and units of the hwconfig, from DRAM inwards, and what the training step moved. The bar at the foot "
        "of each says how busy it was: of DRAM the bandwidth used over its peak; of a buffer or level the bytes at its "
        "port, or at the busier one of two, over what that passes in a step; of a unit the cycles in which it "
        "computes, waits left out, as a mean of all arrays. Of the products: formats of both operands, and of the "
        "accumulator.",
        machine,
    ),
    FigureSpec(
        "cycles",
        "Cycles by layer and phase",
        "Cycles that units are held by each layer in one training step: solid while they compute, pale while they wait "
        "for DRAM or a buffer. Units work side by side, so the bars may add up to more than the step takes.",
        cycles,
    ),
    FigureSpec(
        "waits",
        "What operations wait for",
        "Cycles that operations wait, added up over all of them: above, before they hold their unit, for what they "
        "read, for room on chip or for the unit; below, while they hold it, by what holds it up. Operations wait side "
        "by side, so that the bars may add up to more than the step takes.",
        waits,
    ),
    FigureSpec(
        "timeline",
        "When each unit works",
        "One training step from its first cycle to its last; each bar is an operation on its unit, gaps are idle time. "
        "Drag to zoom, double-click to return; very long steps are folded into stretches with their busiest phase.",
        timeline,
    ),
    FigureSpec(
        "critical_path",
        "Critical path",
        "The chain of operations that the length of the step hangs on: each started when the one before it ended, for "
        "its result or for its unit. Whatever is missing here ran beside the path and could have ended later.",
        critical_path,
    ),
    FigureSpec(
        "hidden",
        "Weight-gradient products beside the serial path",
        "Cycles of each layer's weight-gradient products: pale while the forward or data-gradient chain runs beside "
        "them, solid while it doesn't. Below, by how much a product could end later without making the step longer.",
        hidden,
        wide=False,
    ),
    FigureSpec(
        "energy_phases",
        "Energy by phase",
        "Energy of one training step: MAC array passes, arithmetic of the other units, on-chip buffer accesses, "
        "off-chip transfers and what links of a cluster send, each a count from the simulation times its energy.",
        energy_by_phase,
        wide=False,
    ),
    FigureSpec(
        "energy_layers",
        "Energy by layer",
        "The same energy, added up over the phases of each layer.",
        energy_by_layer,
    ),
    FigureSpec(
        "roofline",
        "Roofline",
        "Each mark is one operation, larger the more cycles it takes: filled are matrix products, where one "
        "multiply-accumulate counts as two operations, open is the work of other units, triangles touch no DRAM. "
        "Diamonds are whole phases and the step, whose units work side by side. The line is what DRAM bandwidth "
        "(slope) and the arrays (flat) allow; operands wider than the multipliers take several passes and stay below "
        "it, and lanes have a lower roof of their own.",
        roofline,
    ),
    FigureSpec(
        "tensor_classes",
        "DRAM traffic by tensor class",
        "Bytes that DRAM moves in one training step for each class of tensor: solid what a phase reads, pale what it "
        "writes. Stash is what the forward pass keeps for the backward pass; activations only the forward pass reads.",
        tensor_classes,
    ),
    FigureSpec(
        "traffic",
        "DRAM traffic by layer",
        "Bytes read from and written to DRAM in one training step, by the layer and phase that move them.",
        traffic,
    ),
    FigureSpec(
        "quantisers",
        "What quantisation lost",
        "A point is a tensor, in the order of the step and coloured by its role, in the last step that was recorded: "
        "its power over the power of its quantisation error (6 dB are one bit), the share of its elements that became "
        "zero, and the share that saturated where any did. Ticks name the layers as the step comes to them.",
        quantisers,
    ),
    FigureSpec(
        "quantiser_history",
        "Quantisers over the training",
        "Scale, shares of elements that saturated and of codes that are zero, signal over quantisation noise, and "
        "cosine of the angle between each tensor and what its codes stand for, in the recorded steps. Choose a role to "
        "compare layers, whose colours run from the first, blue, to the last, orange; or a layer to compare its "
        "tensors.",
        quantiser_history,
    ),
    FigureSpec(
        "model_size",
        "Model size by tensor class",
        "Bytes of the model as deployed for inference: parameters, statistics and scales in the formats that it "
        "computes with. Master weights and optimizer state, which a checkpoint stores too, belong to training.",
        model_size,
        wide=False,
    ),
    FigureSpec(
        "memory",
        "Tensors of a training step by role",
        "Bytes of all tensors that one step reads or makes. They are not all alive at once, so they add up to more "
        "than the training memory above.",
        memory,
        wide=False,
    ),
)
"""Every figure, in page order."""


def draw_all(result: Result) -> Drawn[Result]:
    """The figures that ``result`` has something to show in."""
    return drawn(FIGURES, result)
