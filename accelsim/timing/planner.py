"""Plans of all operations of a Program; equal operations share one."""

from __future__ import annotations

from collections.abc import Hashable

from accelsim.hardware import Buffers, HardwareConfig
from accelsim.program import Operation, Program, Unit
from accelsim.timing.mapping.lane_plan import Streams, drain_on, lane_plan, lane_streams
from accelsim.timing.mapping.loop_nest import LoopNest, Product
from accelsim.timing.mapping.product_plan import ProductPart, product_parts, product_plan
from accelsim.timing.mapping.tiling import best_nest
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.loops import Loops, Programs, assemble
from accelsim.timing.pipelines.memory_system import Alone, Solo, together, unmoved
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import NOTHING, OperationPlan, Segment, joined


class Planner:
    """What each operation asks of the hardware, before any contention.

    ``known``: plans of the same Program and hardware, with other residencies; equal work is planned once.
    """

    def __init__(
        self, program: Program, hw: HardwareConfig, residency: Residency, known: Planner | None = None
    ) -> None:
        self.program = program
        self.hw = hw
        self.residency = residency
        self.dram = DramModel.of(hw)
        self.depths = depths(hw.buffers, self.dram)
        self._transfers: Transfers = known._transfers if known else Transfers(self.dram.cost, hw.buffers.levels)
        self._plans: dict[Hashable, OperationPlan] = known._plans if known else {}
        self._alike: dict[Hashable, OperationPlan] = known._alike if known else {}
        self._solo: Solo = known._solo if known else Solo(self.depths, _ahead_cycles(hw, self.dram))
        self.programs: Programs = known.programs if known else Programs(self._transfers)
        """Of all plans that were asked for."""
        self._runs: dict[Segment, Alone] = known._runs if known else {}
        self._numbers: dict[OperationPlan, int] = known._numbers if known else {}

    def placed(self, residency: Residency) -> Planner:
        """The same for tensors that live elsewhere."""
        return Planner(self.program, self.hw, residency, self)

    def plan(self, operation: Operation, alike: Hashable = None) -> OperationPlan:
        """The plan of one operation; ``alike``: the same for others with the same plan.

        Raises:
            UserError: a buffer is too small for one fold, or the hwconfig lacks the unit.
        """
        if alike is None:
            return self._plan(operation)
        if alike not in self._alike:
            self._alike[alike] = self._plan(operation)
        return self._alike[alike]

    def number(self, plan: OperationPlan) -> int:
        """Of the plan's program; -1 where it moves nothing."""
        if plan not in self._numbers:
            self._numbers[plan] = -1 if plan.on_chip else self.programs.add(plan.steps)
        return self._numbers[plan]

    def _plan(self, operation: Operation) -> OperationPlan:
        if operation.index in self.residency.fused:
            return NOTHING
        drain = drain_on(self.program, operation, self.residency, self.hw)
        if operation.unit is not Unit.MAC_ARRAY:
            return self._lane_plan(lane_streams(self.program, operation, self.hw, self.residency, drain))
        parts = product_parts(self.program, operation, self.hw, self.residency, drain)
        key = tuple((part.key, part.times) for part in parts)
        if key not in self._plans:
            plans = [(self._product_plan(operation.name, part), part.times) for part in parts]
            self._plans[key] = joined(plans, apart=self.hw.serial)
        return self._plans[key]

    def cycles(self, steps: Segment) -> int:
        """Cycles of a plan that runs alone, after nothing."""
        if not steps.moves:
            return steps.busy_cycles
        return self._solo.run(self.loops(steps), 0).cycles

    def loops(self, steps: Segment) -> Loops:
        """The program of these steps by itself, at 0."""
        return assemble([steps], self._transfers)

    def alone(self, plan: OperationPlan) -> Alone:
        """The run of a plan that has all of the machine to itself, after nothing."""
        return together([self._run(segment) for segment in plan.runs])

    def _run(self, steps: Segment) -> Alone:
        if not steps.moves:
            return unmoved(steps.busy_cycles)
        if steps not in self._runs:
            self._runs[steps] = self._solo.run(self.loops(steps), 0)
        return self._runs[steps]

    def _lane_plan(self, streams: Streams) -> OperationPlan:
        if streams not in self._plans:
            self._plans[streams] = lane_plan(streams, self._transfers, self.dram, self.cycles)
        return self._plans[streams]

    def _product_plan(self, name: str, part: ProductPart) -> OperationPlan:
        if part.key not in self._plans:
            self._plans[part.key] = product_plan(part, lambda product: self._nest(name, product))
        return self._plans[part.key]

    def _nest(self, name: str, product: Product) -> LoopNest:
        return best_nest(name, product, self.hw.buffers, self.dram, self.cycles)


def _ahead_cycles(hw: HardwareConfig, dram: DramModel) -> int:
    """The longest turn of the channel, where that knows its next transfer, as nothing else runs; else 0."""
    return max(dram.to_read_cycles, dram.to_write_cycles) if hw.serial else 0


def depths(buffers: Buffers, dram: DramModel) -> tuple[int, int, int]:
    """Tiles that a pipeline has room for on its way in and out, and the DRAM latency in cycles.

    Two where buffers are double-buffered (both operand buffers, for tiles on their way in), else one.
    """
    fetch = 1 + (buffers.input.double_buffered and buffers.weight.double_buffered)
    return fetch, 1 + buffers.output.double_buffered, dram.latency_cycles
