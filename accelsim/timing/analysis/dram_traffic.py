"""Which tensor every byte to and from DRAM belongs to, by the plans that a simulation replayed.

A plan has its transfers by operand and by what its drain moves (``mapping/moves.py``); how often each operand of a
product came from DRAM stands with its tiles. So the bytes of an operation's tensors are its DRAM bytes, exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accelsim.errors import InternalError
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Phase, Program
from accelsim.timing.analysis.tensor_classes import TensorClass, TensorClasses
from accelsim.timing.mapping.lane_plan import drain_on
from accelsim.timing.mapping.moves import moves_of
from accelsim.timing.memory.levels import DRAM
from accelsim.timing.memory.sram import Access
from accelsim.timing.timeline import OperationTiming, Timeline


@dataclass(frozen=True)
class Transfer:
    """Bytes of a tensor that an operation, or what is applied in its drain, reads from DRAM and writes to it."""

    tensor_index: int
    read_bytes: int = 0
    write_bytes: int = 0


def dram_transfers(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[list[Transfer]]:
    """The transfers of each operation of a simulated step, in issue order.

    Raises:
        InternalError: they aren't the bytes that were timed.
    """
    found = []
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        transfers = [*_transfers(program, operation, timing, timeline, hw)]
        moved = sum(each.read_bytes for each in transfers), sum(each.write_bytes for each in transfers)
        if moved != (timing.dram_read_bytes, timing.dram_write_bytes):
            raise InternalError(f"{operation.name} reads and writes other tensors than were timed: {moved}")
        found.append(transfers)
    return found


def traffic_by_class(
    program: Program, timeline: Timeline, hw: HardwareConfig
) -> Mapping[tuple[Phase, TensorClass], Access]:
    """DRAM bytes by phase and class, those that are there, in the order of both."""
    classes, sums = TensorClasses(program), defaultdict[tuple[Phase, TensorClass], Access](Access)
    for operation, transfers in zip(program.operations, dram_transfers(program, timeline, hw), strict=True):
        for each in transfers:
            if each.read_bytes:
                sums[operation.phase, classes.read_by(operation, each.tensor_index)] += Access(each.read_bytes)
            if each.write_bytes:
                sums[operation.phase, classes.written(each.tensor_index)] += Access(write_bytes=each.write_bytes)
    return {(phase, kind): sums[phase, kind] for phase in Phase for kind in TensorClass if (phase, kind) in sums}


def _transfers(
    program: Program, operation: Operation, timing: OperationTiming, timeline: Timeline, hw: HardwareConfig
) -> Iterator[Transfer]:
    residency = timeline.residency
    if operation.index in residency.fused:
        return
    drain = drain_on(program, operation, residency, hw)
    moves = moves_of(program, operation, drain)
    operand_bytes = [sum(parts) for parts in zip(*(choice.dram_read_bytes for choice in timing.tiles), strict=True)]
    for tensor, read in zip(moves.operands, operand_bytes, strict=True):
        yield Transfer(tensor.index, read_bytes=read)
    for tensor in moves.fetched_once:
        if residency.place(tensor.index) == DRAM:
            yield Transfer(tensor.index, read_bytes=tensor.bytes)
    for tensor in moves.stored:
        if residency.place(tensor.index) == DRAM:
            yield Transfer(tensor.index, write_bytes=tensor.bytes)
