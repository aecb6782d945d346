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
from accelsim.timing.analysis.spans import fetching_spans, length_cycles, merged
from accelsim.timing.mapping.exchange import exchange_cost
from accelsim.timing.mapping.lane_plan import lane_unit
from accelsim.timing.mapping.operands import passes
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.timeline import OperationTiming, Timeline


@dataclass(frozen=True)
class Roof:
    """Work, DRAM traffic and the cycles that they took, against the least that they could take.

    ``cycles``: from the first fetch to the end, so that all bytes count with the time in which they moved, what was
    fetched ahead of the unit, too. ``arithmetic_cycles``: at the peak of the busiest unit; ``transfer_cycles``: at the
    bandwidth of DRAM. ``operations`` are two for each of the ``macs``, and those of lanes.
    """

    macs: int
    operations: float
    dram_bytes: int
    cycles: int
    arithmetic_cycles: float
    transfer_cycles: float

    @property
    def intensity(self) -> float:
        """Operations per DRAM byte; infinite without traffic, NaN where there are no operations either."""
        if not self.dram_bytes:
            return math.inf if self.operations else math.nan
        return self.operations / self.dram_bytes

    @property
    def attained(self) -> float:
        """Operations per cycle; NaN for what took no time."""
        return self.operations / self.cycles if self.cycles else math.nan

    @property
    def limit(self) -> float:
        """Operations per cycle: those of the busiest unit at its peak, or intensity x bandwidth where that is less."""
        least = max(self.arithmetic_cycles, self.transfer_cycles)
        return self.operations / least if least else math.nan

    @property
    def bound_by_dram(self) -> bool:
        """Whether DRAM is the limit; else the busiest unit is."""
        return self.transfer_cycles > self.arithmetic_cycles

    @property
    def share(self) -> float:
        """Attained rate over the limit, from 0 to 1."""
        least = max(self.arithmetic_cycles, self.transfer_cycles)
        return least / self.cycles if self.cycles else math.nan


NOTHING = Roof(0, 0.0, 0, 0, 0.0, 0.0)
"""Roof of an operation that takes no time of its own: one in another one's drain."""


def operation_roofs(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[Roof]:
    """One roof per operation, in issue order."""
    pairs = zip(program.operations, timeline.operations, strict=True)
    bandwidth = DramModel.of(hw).bytes_per_cycle
    return [_roof(program, operation, timing, hw, bandwidth) for operation, timing in pairs]


def phase_roofs(program: Program, timeline: Timeline, hw: HardwareConfig) -> dict[Phase, Roof]:
    """One roof per phase that occurs: its units work side by side, in the cycles in which any of them runs."""
    roofs = operation_roofs(program, timeline, hw)
    members = {phase: [op for op in program.operations if op.phase is phase] for phase in Phase}
    found = {phase: _together(each, roofs, timeline, hw) for phase, each in members.items()}
    return {phase: roof for phase, roof in found.items() if roof.cycles}


def step_roof(program: Program, timeline: Timeline, hw: HardwareConfig) -> Roof:
    """The roof of all phases together, as they run side by side."""
    return _together(program.operations, operation_roofs(program, timeline, hw), timeline, hw)


def _roof(
    program: Program, operation: Operation, timing: OperationTiming, hw: HardwareConfig, dram_bytes_per_cycle: float
) -> Roof:
    if timing.end_cycle == timing.start_cycle:
        return NOTHING
    moved = timing.dram_read_bytes + timing.dram_write_bytes
    work, arithmetic_cycles = _arithmetic(program, operation, hw)
    cycles, transfer_cycles = timing.end_cycle - timing.fetch_cycle, moved / dram_bytes_per_cycle
    return Roof(operation.macs, work, moved, cycles, arithmetic_cycles, transfer_cycles)


def _arithmetic(program: Program, operation: Operation, hw: HardwareConfig) -> tuple[float, float]:
    """Operations, and the cycles that one unit needs for them at its peak."""
    if operation.unit is Unit.MAC_ARRAY:
        all_macs = operation.macs * passes(program, operation, hw.mac_array)
        return 2.0 * operation.macs, all_macs * instances_of(operation.unit, hw) / hw.mac_array.macs_per_cycle
    if operation.work is None:
        return 0.0, 0.0
    each = operation.work.multiplies + operation.work.adds
    if operation.unit is Unit.LINK:
        return operation.work.elements * each, float(exchange_cost(program, operation, hw).transfer_cycles)
    return operation.work.elements * each, operation.work.elements / lane_unit(operation.unit, hw).lanes


def _together(
    operations: Sequence[Operation], all_roofs: Sequence[Roof], timeline: Timeline, hw: HardwareConfig
) -> Roof:
    timed = [operation for operation in operations if all_roofs[operation.index].cycles]
    roofs = [all_roofs[operation.index] for operation in timed]
    busy = dict.fromkeys(Unit, 0.0)
    for operation, roof in zip(timed, roofs, strict=True):
        busy[operation.unit] += roof.arithmetic_cycles / instances_of(operation.unit, hw)
    return Roof(
        macs=sum(roof.macs for roof in roofs),
        operations=sum(roof.operations for roof in roofs),
        dram_bytes=sum(roof.dram_bytes for roof in roofs),
        cycles=length_cycles(merged(fetching_spans(timeline.operations[operation.index] for operation in timed))),
        arithmetic_cycles=max(busy.values()),
        transfer_cycles=sum(roof.transfer_cycles for roof in roofs),
    )
