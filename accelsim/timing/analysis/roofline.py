"""How near operations come to what their unit and DRAM allow (Williams, Waterman and Patterson, CACM 52(4), 2009).

An operation counts two operations for a multiply-accumulate, or what its lanes multiply, add and compare. Its rate
can't exceed the peak of its unit, nor its operations per DRAM byte times the DRAM bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Phase, Program, Unit
from accelsim.timing.analysis.instances import instances_of
from accelsim.timing.analysis.spans import length_cycles, merged, spans_of
from accelsim.timing.mapping.lane_plan import lane_unit
from accelsim.timing.mapping.operands import passes
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.timeline import OperationTiming, Timeline


@dataclass(frozen=True)
class Roof:
    """Work, DRAM traffic and the cycles that they took, against the least that they could take.

    ``arithmetic_cycles``: at the peak of the busiest unit; ``transfer_cycles``: at the bandwidth of DRAM.
    """

    operations: float
    dram_bytes: int
    cycles: int
    arithmetic_cycles: float
    transfer_cycles: float

    @property
    def intensity(self) -> float:
        """Operations per DRAM byte; infinite without traffic."""
        return self.operations / self.dram_bytes if self.dram_bytes else math.inf

    @property
    def attained(self) -> float:
        """Operations per cycle; NaN for what took no time."""
        return self.operations / self.cycles if self.cycles else math.nan

    @property
    def limit(self) -> float:
        """Operations per cycle: the peak, or intensity x bandwidth where that is less."""
        least = max(self.arithmetic_cycles, self.transfer_cycles)
        return self.operations / least if least else math.nan

    @property
    def share(self) -> float:
        """Attained rate over the limit, from 0 to 1."""
        least = max(self.arithmetic_cycles, self.transfer_cycles)
        return least / self.cycles if self.cycles else math.nan


NOTHING = Roof(0.0, 0, 0, 0.0, 0.0)
"""Roof of an operation that takes no time of its own: one in another one's drain."""


def operation_roofs(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[Roof]:
    """One roof per operation, in issue order."""
    pairs = zip(program.operations, timeline.operations, strict=True)
    bandwidth = DramModel.of(hw).bytes_per_cycle
    return [_roof(program, operation, timing, hw, bandwidth) for operation, timing in pairs]


def phase_roofs(program: Program, timeline: Timeline, hw: HardwareConfig) -> dict[Phase, Roof]:
    """One roof per phase that occurs: its units work side by side, in the cycles in which any of them runs."""
    roofs = operation_roofs(program, timeline, hw)
    found = {}
    for phase in Phase:
        members = [op for op in program.operations if op.phase is phase and roofs[op.index].cycles]
        if members:
            cycles = length_cycles(merged(spans_of(timeline.operations[op.index] for op in members)))
            found[phase] = _together(members, [roofs[op.index] for op in members], cycles, hw)
    return found


def _roof(
    program: Program, operation: Operation, timing: OperationTiming, hw: HardwareConfig, dram_bytes_per_cycle: float
) -> Roof:
    cycles = timing.end_cycle - timing.start_cycle
    if not cycles:
        return NOTHING
    moved = timing.dram_read_bytes + timing.dram_write_bytes
    work, arithmetic_cycles = _arithmetic(program, operation, hw)
    return Roof(work, moved, cycles, arithmetic_cycles, moved / dram_bytes_per_cycle)


def _arithmetic(program: Program, operation: Operation, hw: HardwareConfig) -> tuple[float, float]:
    """Operations, and the cycles that one unit needs for them at its peak."""
    if operation.unit is Unit.MAC_ARRAY:
        all_macs = operation.macs * passes(program, operation, hw.mac_array)
        return 2.0 * operation.macs, all_macs * instances_of(operation.unit, hw) / hw.mac_array.macs_per_cycle
    if operation.work is None:
        return 0.0, 0.0
    each = operation.work.multiplies + operation.work.adds
    return operation.work.elements * each, operation.work.elements / lane_unit(operation.unit, hw).lanes


def _together(members: Sequence[Operation], roofs: Sequence[Roof], cycles: int, hw: HardwareConfig) -> Roof:
    busy = dict.fromkeys(Unit, 0.0)
    for operation, roof in zip(members, roofs, strict=True):
        busy[operation.unit] += roof.arithmetic_cycles / instances_of(operation.unit, hw)
    return Roof(
        operations=sum(roof.operations for roof in roofs),
        dram_bytes=sum(roof.dram_bytes for roof in roofs),
        cycles=cycles,
        arithmetic_cycles=max(busy.values()),
        transfer_cycles=sum(roof.transfer_cycles for roof in roofs),
    )
