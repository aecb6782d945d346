"""Gemmini's default configuration on ResNet-50, one image at a time."""

from __future__ import annotations

from validation_parts.nvdla import resnet50_on
from validation_parts.rows import Row


def gemmini() -> list[Row]:
    """One frame rate."""
    run, everything = resnet50_on("gemmini"), resnet50_on("gemmini", whole=True)
    why = (
        f"Products alone, {100 * run.array_cycles / run.total_cycles:.0f} % of whose time is the array's work: a "
        f"bound, not a prediction. With other operations {1 / everything.seconds:.1f}. Not modelled: the CPU that "
        "issues every instruction, the caches, the DRAM behind the bus."
    )
    return [Row("gemmini.resnet50.fps", "ResNet-50", 1 / run.seconds, why)]
