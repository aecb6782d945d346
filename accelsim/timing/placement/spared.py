"""What a tensor on chip spares a step: waiting for DRAM that no work hides."""

from __future__ import annotations

import math
from collections.abc import Sequence

from accelsim.program import Program
from accelsim.timing.placement.epilogues import Drained

HIDDEN_SHARE = 1 / 50
"""Of a cycle of DRAM that work hides, what counts: another operation may wait for DRAM meanwhile."""


def spared_cycles(
    program: Program, drained: Drained, busy_cycles: Sequence[float], dram_bytes_per_cycle: float
) -> list[float]:
    """Of each tensor, the cycles by which operations are shorter, each by itself, where it never moves.

    An operation whose tensors are all in DRAM waits for as long as these take beyond its ``busy_cycles``. A tensor on
    chip spares it its own part, at most that. ``drained`` tensors move in no case, and spare nothing.
    """
    spared = [0.0] * len(program.tensors)
    for operation, busy in zip(program.operations, busy_cycles, strict=True):
        touched = [i for i in dict.fromkeys((*operation.inputs, *operation.outputs)) if i not in drained]
        moves = [program.tensors[index].bytes / dram_bytes_per_cycle for index in touched]
        # The same sum on every version of Python, some of which add floats more exactly than others.
        waiting = max(0.0, math.fsum(moves) - busy)
        for index, cycles in zip(touched, moves, strict=True):
            spared[index] += min(cycles, waiting) + HIDDEN_SHARE * cycles
    return spared
