"""The fewest cycles that the rest of a step can take, whatever the schedule."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.program import Program, Unit
from accelsim.timing.plan import OperationPlan

_ROUNDING = 1e-9
"""Relative error of the sums, with room to spare."""


class LeastLeft:
    """What operations that haven't begun ask of DRAM and of ``arrays`` arrays, at the peak of each."""

    def __init__(
        self, program: Program, plans: Sequence[OperationPlan], arrays: int, dram_bytes_per_cycle: float
    ) -> None:
        self._dram = [(plan.dram_read_bytes + plan.dram_write_bytes) / dram_bytes_per_cycle for plan in plans]
        products = (operation.unit is Unit.MAC_ARRAY for operation in program.operations)
        self._work = [plan.busy_cycles / arrays if on else 0.0 for plan, on in zip(plans, products, strict=True)]
        self._dram_left, self._work_left = sum(self._dram), sum(self._work)
        self._slack = _ROUNDING * (1 + self._dram_left + self._work_left)

    def begin(self, index: int) -> None:
        """An operation begins, and counts no more."""
        self._dram_left -= self._dram[index]
        self._work_left -= self._work[index]

    @property
    def cycles(self) -> int:
        """Whole cycles that are certain to be left."""
        return max(0, int(max(self._dram_left, self._work_left) - self._slack))
