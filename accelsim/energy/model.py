"""Energy of operations and of a whole step.

energy = events x energy per event, over multiply-accumulates, lane steps, random bits, buffer bytes, DRAM bytes and
bits on links.
``ASSUMPTIONS`` lists what that leaves out: leakage, clock, control, wires, registers.
"""

from __future__ import annotations

from accelsim.energy.breakdown import EnergyBreakdown
from accelsim.energy.dram import dram_pj_per_byte
from accelsim.energy.figures import add_pj, mac_pj, multiply_pj
from accelsim.energy.memories import memory_costs
from accelsim.energy.random_bits import draws_of, random_pj
from accelsim.formats import Format
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program, Unit, Work
from accelsim.timing import OperationTiming, SramTraffic, Timeline, passes
from accelsim.timing.mapping.exchange import exchange_cost


class EnergyModel:
    """Energy of the operations of ``program`` on ``hw``; each energy per event is looked up once."""

    def __init__(self, program: Program, hw: HardwareConfig) -> None:
        self._program = program
        self._hw = hw
        self._recipe = hw.recipe()
        self._dram_pj_per_byte = dram_pj_per_byte(hw)
        self._memory_costs = memory_costs(hw)
        self._mac_pj: dict[Format, float] = {}
        self._step_pj: dict[tuple[Format, float, float], float] = {}

    def energy(self, operation: Operation, timing: OperationTiming) -> EnergyBreakdown:
        """Energy of one operation, with the traffic that ``timing`` found for it."""
        random = self._random(operation)
        return EnergyBreakdown(
            mac_pj=self._macs(operation),
            lane_pj=(self._lanes(operation.work) if operation.work else 0.0) + random,
            sram_pj=self._sram(timing.sram),
            dram_pj=(timing.dram_read_bytes + timing.dram_write_bytes) * self._dram_pj_per_byte,
            random_pj=random,
            link_pj=self._links(operation),
        )

    def _macs(self, operation: Operation) -> float:
        if not operation.gemms:
            return 0.0
        accumulator = self._program.outputs_of(operation)[0].format
        if accumulator not in self._mac_pj:
            self._mac_pj[accumulator] = mac_pj(self._hw, accumulator)
        return operation.macs * passes(self._program, operation, self._hw.mac_array) * self._mac_pj[accumulator]

    def _lanes(self, work: Work) -> float:
        key = work.format, work.multiplies, work.adds
        if key not in self._step_pj:
            multiplies = work.multiplies * multiply_pj(self._hw, work.format) if work.multiplies else 0.0
            adds = work.adds * add_pj(self._hw, work.format) if work.adds else 0.0
            self._step_pj[key] = multiplies + adds
        return work.elements * self._step_pj[key]

    def _random(self, operation: Operation) -> float:
        return sum(random_pj(self._hw, draws) for draws in draws_of(self._program, operation, self._recipe))

    def _links(self, operation: Operation) -> float:
        if operation.unit is not Unit.LINK or self._hw.cluster is None:
            return 0.0
        sent_bytes = exchange_cost(self._program, operation, self._hw).sent_bytes
        return 8 * sent_bytes * self._hw.cluster.link_pj_per_bit

    def _sram(self, traffic: SramTraffic) -> float:
        return sum(cost.energy_pj(access) for cost, access in zip(self._memory_costs, traffic.all, strict=False))


def operation_energy(
    program: Program, operation: Operation, timing: OperationTiming, hw: HardwareConfig
) -> EnergyBreakdown:
    """Energy of one operation, with the traffic that ``timing`` found for it."""
    return EnergyModel(program, hw).energy(operation, timing)


def step_energy(program: Program, timeline: Timeline, hw: HardwareConfig) -> EnergyBreakdown:
    """Energy of the whole training step."""
    model = EnergyModel(program, hw)
    pairs = zip(program.operations, timeline.operations, strict=True)
    return sum((model.energy(operation, timing) for operation, timing in pairs), EnergyBreakdown())
