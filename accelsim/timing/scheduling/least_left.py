"""The earliest cycle in which a step can end, whatever the rest of its schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.program import Program, Unit
from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.plan import OperationPlan
from accelsim.timing.rows import Rows

_ROUNDING = 1e-9
"""Relative error of the sums, with room to spare."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """What operations ask for: cycles of their unit, and of DRAM at its peak; ``products``: whether of an array."""

    busy: Integers
    dram: Floats
    products: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, program: Program, plans: Sequence[OperationPlan], dram_bytes_per_cycle: float) -> Asked:
        """By their plans."""
        moved = np.array([plan.dram_read_bytes + plan.dram_write_bytes for plan in plans], np.int64)
        busy = np.array([plan.busy_cycles for plan in plans], np.int64)
        on_array = [operation.unit is Unit.MAC_ARRAY for operation in program.operations]
        return cls(busy, moved / dram_bytes_per_cycle, np.array(on_array, bool))

    def without(self, untimed: frozenset[int]) -> Asked:
        """The same, where some ask for nothing."""
        if not untimed:
            return self
        asks = np.ones(len(self.busy), np.int64)
        asks[list(untimed)] = 0
        return Asked(self.busy * asks, self.dram * asks, self.products)

    def chains(self, order: Rows, turns: Sequence[int]) -> Integers:
        """Of each operation, the cycles from its start to the end of the longest chain that it begins.

        ``order``: what must have ended before each; ``turns``: all operations, each after those that it waits for.
        """
        alone = np.maximum(self.busy, (self.dram * (1 - _ROUNDING)).astype(np.int64))
        chains = alone.copy()
        _longest_chains(chains, alone, order.first, order.flat, np.array(turns, np.int64))
        return chains


class LeastLeft:
    """What is left, of three kinds, at the peak of each.

    What operations that haven't begun ask of DRAM, what they ask of ``arrays`` arrays, and the longest of the
    ``chains`` of those that wait for one another.
    """

    def __init__(self, asked: Asked, arrays: int, chains: Integers) -> None:
        self.asked = asked
        work = np.where(asked.products, asked.busy / arrays, 0.0)
        self.costs = np.stack([asked.dram, work], axis=1)
        """What each operation asks of DRAM and of the arrays."""
        self.sums: list[float] = [float(self.costs[:, kind].sum()) for kind in (0, 1)]
        self.slack = _ROUNDING * (1 + sum(self.sums))
        self.chains = chains
        self.chain_end = int(chains.max(initial=0))

    def begin(self, index: int, now: int) -> None:
        """An operation begins, and counts no more; what waits for it comes after."""
        for kind, cost in enumerate(self.costs[index].tolist()):
            self.sums[kind] -= cost
        self.chain_end = max(self.chain_end, now + int(self.chains[index]))

    def least_end(self, now: int) -> int:
        """Cycle before which the step certainly doesn't end."""
        return max(self.chain_end, now + max(0, int(max(self.sums) - self.slack)))


@compiled
def _longest_chains(chains: Integers, alone: Integers, first: Integers, flat: Integers, turns: Integers) -> None:
    """Into ``chains``, which begin as each operation ``alone``."""
    for turn in range(len(turns) - 1, -1, -1):
        waiting = turns[turn]
        for at in range(first[waiting], first[waiting + 1]):
            earlier = flat[at]
            chains[earlier] = max(chains[earlier], alone[earlier] + chains[waiting])
