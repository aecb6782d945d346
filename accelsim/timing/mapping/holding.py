"""Which level holds an operand, or a part of it, that a loop nest sweeps more than once.

An operand that stays in its buffer is loaded once. Another one is loaded once for each pass of the loop that sweeps
it: all of it for the inner loop's operand, and for the outer loop's what one tile along that loop sees. What is swept
can be held by a level inside the place that it comes from, in the share for tiles at work. Then that place is read
once, and further passes come from the level. Each operand takes the innermost level with room; where both want the same
room, one goes first, and tiling tries either.

With more room an operand is held at least as far inside, for one of the two orders. So larger levels never slow a
product that runs alone, as re-reading from further inside passes fewer levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sweep:
    """Passes over an operand, for each of many candidate tiles.

    ``source``: the place that it comes from; ``passes``: how often what is swept is loaded; ``part_bytes``: its size.
    """

    source: int
    passes: Floats
    part_bytes: Floats


def held_levels(sweeps: Sequence[Sweep], room_bytes: Sequence[int]) -> list[Numbers]:
    """The level that holds each operand, 0 for none, tile by tile; the first operand chooses first.

    ``room_bytes``: what each level gives to tiles at work, from DRAM inwards. ``sweeps`` are of operands that lie in
    DRAM or in a level.
    """
    free = [np.full_like(sweeps[0].passes, room) for room in room_bytes] if sweeps else []
    found = []
    for sweep in sweeps:
        level = np.zeros(sweep.passes.shape, np.int64)
        for number in range(len(free), sweep.source, -1):
            fits = (sweep.passes > 1) & (level == 0) & (sweep.part_bytes <= free[number - 1])
            level[fits] = number
            free[number - 1] = free[number - 1] - np.where(fits, sweep.part_bytes, 0)
        found.append(level)
    return found
