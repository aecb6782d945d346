"""Energy of operations and of a whole step.

energy = events x energy per event, over multiply-accumulates, lane steps, buffer bytes and DRAM bytes.
``ASSUMPTIONS`` lists what that leaves out: leakage, clock, control, wires, registers.
"""

from __future__ import annotations

from accelsim.energy.breakdown import EnergyBreakdown
from accelsim.energy.dram import dram_pj_per_byte
from accelsim.energy.figures import add_pj, mac_pj, multiply_pj, sram_pj_per_byte
from accelsim.hardware import HardwareConfig, Memory
from accelsim.program import Operation, Program
from accelsim.timing import Access, OperationTiming, SramTraffic, Timeline, passes


def operation_energy(
    program: Program, operation: Operation, timing: OperationTiming, hw: HardwareConfig
) -> EnergyBreakdown:
    """Energy of one operation, with the traffic that ``timing`` found for it."""
    return EnergyBreakdown(
        mac_pj=_mac_pj(program, operation, hw),
        lane_pj=_lane_pj(operation, hw),
        sram_pj=_sram_pj(timing.sram, hw),
        dram_pj=(timing.dram_read_bytes + timing.dram_write_bytes) * dram_pj_per_byte(hw),
    )


def step_energy(program: Program, timeline: Timeline, hw: HardwareConfig) -> EnergyBreakdown:
    """Energy of the whole training step."""
    pairs = zip(program.operations, timeline.operations, strict=True)
    parts = [operation_energy(program, operation, timing, hw) for operation, timing in pairs]
    return sum(parts, EnergyBreakdown())


def _mac_pj(program: Program, operation: Operation, hw: HardwareConfig) -> float:
    if not operation.gemms:
        return 0.0
    accumulator = program.outputs_of(operation)[0].format
    return operation.macs * passes(program, operation, hw.mac_array) * mac_pj(hw, accumulator)


def _lane_pj(operation: Operation, hw: HardwareConfig) -> float:
    work = operation.work
    if work is None:
        return 0.0
    multiplies = work.multiplies * multiply_pj(hw, work.format) if work.multiplies else 0.0
    adds = work.adds * add_pj(hw, work.format) if work.adds else 0.0
    return work.elements * (multiplies + adds)


def _sram_pj(traffic: SramTraffic, hw: HardwareConfig) -> float:
    buffers = hw.buffers
    memories = (buffers.input, buffers.weight, buffers.output, *buffers.levels)
    return sum(_access_pj(access, memory, hw) for access, memory in zip(traffic.all, memories, strict=False))


def _access_pj(access: Access, memory: Memory, hw: HardwareConfig) -> float:
    read = access.read_bytes * sram_pj_per_byte(hw, memory, write=False)
    return read + access.write_bytes * sram_pj_per_byte(hw, memory, write=True)
