"""The simulator: a Program replayed on the units and memories of a hwconfig."""

from __future__ import annotations

from collections.abc import Callable

import simpy
from simpy.resources.resource import PriorityRequest

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Phase, Program, Unit
from accelsim.timing.drain import NOTHING, with_drain
from accelsim.timing.dram import DramChannel, Steps
from accelsim.timing.lane_plan import lane_plan
from accelsim.timing.ordering import predecessors, successors
from accelsim.timing.pipeline import Pipeline
from accelsim.timing.plan import OperationPlan
from accelsim.timing.product_plan import product_plan
from accelsim.timing.residency import Residency, place_tensors
from accelsim.timing.timeline import OperationTiming, Timeline

Progress = Callable[[int, int], None]
"""Told (operations done, operations in all)."""

# Forward and the chain of data gradients are the serial path; the rest fills the gaps that they leave.
_PHASE_PRIORITY = {Phase.FORWARD: 0, Phase.DATA_GRADIENT: 0, Phase.WEIGHT_GRADIENT: 1, Phase.UPDATE: 2}


def simulate(
    program: Program,
    hw: HardwareConfig,
    progress: Progress | None = None,
    *,
    untimed: frozenset[int] = frozenset(),
) -> Timeline:
    """Time one training step; the same arguments give the same Timeline.

    An operation starts when what it depends on has ended and its unit is free (one of ``mac_array.count``
    arrays, or the single vector, norm, quantise or update unit). Among those that wait for a unit, the
    forward and data-gradient phases come first, then issue order. It holds the unit until its last tile is
    stored. Operations are simulated in at most ``MAX_PIECES`` steps.

    Operations in ``untimed`` take no time and move nothing: what if they were free?

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """
    residency = place_tensors(program, hw)
    plans = [
        NOTHING if operation.index in untimed else plan_operation(program, operation, hw, residency)
        for operation in program.operations
    ]
    timings = _Simulation(program, hw, plans, progress).run()
    return Timeline(timings, residency)


def plan_operation(program: Program, operation: Operation, hw: HardwareConfig, residency: Residency) -> OperationPlan:
    """What one operation asks of the hardware, before any contention.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks the unit.
    """
    if operation.inputs and all(index in residency.drained for index in operation.inputs):
        return NOTHING
    planner = product_plan if operation.unit is Unit.MAC_ARRAY else lane_plan
    plan = planner(program, operation, hw, residency)
    for index in operation.outputs:
        if readers := residency.drained.get(index):
            narrow = {i for reader in readers for i in reader.outputs if residency.in_dram(i)}
            plan = with_drain(plan, program, readers, hw, frozenset(narrow))
    return plan


class _Simulation:
    def __init__(
        self, program: Program, hw: HardwareConfig, plans: list[OperationPlan], progress: Progress | None
    ) -> None:
        self.program = program
        self.hw = hw
        self.plans = plans
        self.progress = progress
        self.environment = simpy.Environment()
        self.dram = DramChannel(self.environment, hw)
        self.units = {unit: self._unit(hw.mac_array.count if unit is Unit.MAC_ARRAY else 1) for unit in Unit}
        order = predecessors(program)
        self.successors = successors(order)
        self.missing = [len(needed) for needed in order]
        self.timings: dict[int, OperationTiming] = {}

    def run(self) -> list[OperationTiming]:
        for index, missing in enumerate(list(self.missing)):
            if not missing:
                self._enqueue(index)
        self.environment.run()
        return [self.timings[operation.index] for operation in self.program.operations]

    def _unit(self, capacity: int) -> simpy.PriorityResource:
        return simpy.PriorityResource(self.environment, capacity=capacity)

    def _enqueue(self, index: int) -> None:
        """Queue an operation at its unit, now that all it depends on has ended."""
        operation = self.program.operations[index]
        if self.plans[index] is NOTHING:
            now = int(self.environment.now)
            self._finish(operation, now, now)
            return
        priority = _PHASE_PRIORITY[operation.phase] * len(self.plans) + index
        request = self.units[operation.unit].request(priority=priority)
        self.environment.process(self._operate(operation, request))

    def _operate(self, operation: Operation, request: PriorityRequest) -> Steps:
        ready = int(self.environment.now)
        yield request
        start = int(self.environment.now)
        plan = self.plans[operation.index]
        yield from Pipeline(self.environment, self.dram, self.hw.buffers, plan.pieces).run()
        self._finish(operation, ready, start)
        # Successors queue first, so that an operation of higher priority gets the unit in this very cycle.
        self.units[operation.unit].release(request)

    def _finish(self, operation: Operation, ready: int, start: int) -> None:
        plan = self.plans[operation.index]
        self.timings[operation.index] = OperationTiming(
            index=operation.index,
            start_cycle=start,
            end_cycle=int(self.environment.now),
            compute_cycles=plan.compute_cycles,
            wait_cycles=start - ready,
            dram_read_bytes=plan.dram_read_bytes,
            dram_write_bytes=plan.dram_write_bytes,
            sram=plan.sram,
        )
        if self.progress:
            self.progress(len(self.timings), len(self.plans))
        for later in self.successors[operation.index]:
            self.missing[later] -= 1
            if not self.missing[later]:
                self._enqueue(later)
