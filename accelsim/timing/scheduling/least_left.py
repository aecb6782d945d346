"""The earliest cycle in which a step can end, whatever the rest of its schedule."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.program import Program, Unit
from accelsim.timing.plan import OperationPlan
from accelsim.timing.scheduling.ordering import successors

_ROUNDING = 1e-9
"""Relative error of the sums, with room to spare."""


class LeastLeft:
    """What is left, of three kinds, at the peak of each.

    What operations that haven't begun ask of DRAM, what they ask of ``arrays`` arrays, and the longest chain of those
    that wait for one another. ``order``: what must have ended before each operation; ``turns``: all operations, each
    after those that it waits for.
    """

    def __init__(
        self,
        program: Program,
        plans: Sequence[OperationPlan],
        arrays: int,
        dram_bytes_per_cycle: float,
        order: Sequence[tuple[int, ...]],
        turns: Sequence[int],
    ) -> None:
        self._dram = [(plan.dram_read_bytes + plan.dram_write_bytes) / dram_bytes_per_cycle for plan in plans]
        products = (operation.unit is Unit.MAC_ARRAY for operation in program.operations)
        self._work = [plan.busy_cycles / arrays if on else 0.0 for plan, on in zip(plans, products, strict=True)]
        self._dram_left, self._work_left = sum(self._dram), sum(self._work)
        self._slack = _ROUNDING * (1 + self._dram_left + self._work_left)
        self.chains = self._longest_chains(plans, order, turns)
        """Of each operation, the cycles from its start to the end of the longest chain that it begins."""
        self._chain_end = max(self.chains, default=0)

    def begin(self, index: int, now: int) -> None:
        """An operation begins, and counts no more; what waits for it comes after."""
        self._dram_left -= self._dram[index]
        self._work_left -= self._work[index]
        self._chain_end = max(self._chain_end, now + self.chains[index])

    def least_end(self, now: int) -> int:
        """Cycle before which the step certainly doesn't end."""
        return max(self._chain_end, now + max(0, int(max(self._dram_left, self._work_left) - self._slack)))

    def _longest_chains(
        self, plans: Sequence[OperationPlan], order: Sequence[tuple[int, ...]], turns: Sequence[int]
    ) -> list[int]:
        later = successors(order)
        chains = [0] * len(plans)
        for index in reversed(turns):
            alone = max(plans[index].busy_cycles, int(self._dram[index] * (1 - _ROUNDING)))
            chains[index] = alone + max((chains[waiting] for waiting in later[index]), default=0)
        return chains
