"""What all placements of a step's tensors have in common: what follows from the Program, and what is known by now."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from accelsim.program import Program
from accelsim.timing.mapping.alike import Alike
from accelsim.timing.pipelines.recall import records
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import OperationPlan
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.fast_schedule import UNITS, Workplace
from accelsim.timing.scheduling.known_schedules import KnownSchedules
from accelsim.timing.scheduling.ordering import in_issue_order, predecessors


class SharedByPlacements:
    """Of one Program, its tensors drained as in ``residency``; ``serial``: operations run one after another."""

    def __init__(self, program: Program, residency: Residency, *, serial: bool) -> None:
        self.alike = Alike.of(program, residency.drained)
        self.touching = self.alike.touching(len(program.tensors))
        needed = predecessors(program, residency.drained)
        self.needed = in_issue_order(needed) if serial else needed
        self.needed_rows = Rows.of(self.needed)
        numbers = {unit: number for number, unit in enumerate(UNITS)}
        self.units = np.array([numbers[operation.unit] for operation in program.operations], np.int64)
        self.plans: dict[tuple[int, ...], list[OperationPlan]] = {}
        """By the places of all tensors."""
        self.schedules = KnownSchedules()
        self._numbers: dict[Hashable, int] = {}
        self._records = records()
        self._workplaces: dict[int, Workplace] = {}

    def number(self, *described: Hashable) -> int:
        """The same for what is described alike."""
        return self._numbers.setdefault(described, len(self._numbers))

    def workplace(self, depths: tuple[int, int, int], arrays: int, *, prefetch: bool) -> Workplace:
        """Where schedules on so many arrays are run."""
        if arrays not in self._workplaces:
            self._workplaces[arrays] = Workplace(depths, arrays, self._records, prefetch=prefetch)
        return self._workplaces[arrays]
