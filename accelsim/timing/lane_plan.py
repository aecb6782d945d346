"""Plan of an operation of the vector, norm, quantise or update unit."""

from __future__ import annotations

from accelsim.errors import UserError
from accelsim.hardware import Buffer, HardwareConfig, LaneUnit
from accelsim.program import Operation, Program, TensorSpec, Unit
from accelsim.timing.operands import moved_inputs
from accelsim.timing.plan import OperationPlan, Streams, cut
from accelsim.timing.residency import Residency
from accelsim.timing.sram import Access, SramTraffic
from accelsim.timing.stream import MAX_PIECES, Stream, pipeline_tiles


def lane_unit(unit: Unit, hw: HardwareConfig) -> LaneUnit:
    """The hwconfig's lanes behind ``unit``.

    Raises:
        UserError: the hwconfig has no such unit.
    """
    units: dict[Unit, LaneUnit | None] = {
        Unit.VECTOR: hw.vector_unit,
        Unit.NORM: hw.norm_unit,
        Unit.QUANTISE: hw.quantise_unit,
        Unit.UPDATE: hw.update_unit,
    }
    found = units[unit]
    if found is None:
        raise UserError(f"the program has work for a {unit} unit, but hwconfig {hw.name} has no {unit}_unit")
    return found


def lane_plan(program: Program, operation: Operation, hw: HardwareConfig, residency: Residency) -> OperationPlan:
    """Stream every input once through the input buffer and every output through the output buffer, in equal tiles.

    Cycles are ceil(lane steps / lanes). There are as many tiles as it takes for the inputs and the outputs
    of one to fit, or as ``pipeline_tiles`` asks.

    Raises:
        UserError: the hwconfig has no such unit, or a buffer can't hold one element.
    """
    lanes = lane_unit(operation.unit, hw).lanes
    compute_cycles = -(-operation.work.elements // lanes) if operation.work else 0
    inputs, outputs = moved_inputs(program, operation), program.outputs_of(operation)
    read, written = _stored(inputs, residency), _stored(outputs, residency)
    tiles = max(
        _tiles(operation, inputs, "input", hw.buffers.input),
        _tiles(operation, outputs, "output", hw.buffers.output),
        pipeline_tiles(sum(read) + sum(written)),
    )
    streams = Streams([Stream(size, tiles) for size in read], [], [Stream(size, tiles) for size in written])
    traffic = SramTraffic(
        input=Access(read_bytes=sum(tensor.bytes for tensor in inputs)),
        output=Access(write_bytes=sum(tensor.bytes for tensor in outputs)),
    )
    return cut(compute_cycles, tiles, traffic, streams, hw.buffers, MAX_PIECES)


def _stored(tensors: list[TensorSpec], residency: Residency) -> list[int]:
    return [tensor.bytes for tensor in tensors if residency.in_dram(tensor.index)]


def _tiles(operation: Operation, tensors: list[TensorSpec], name: str, buffer: Buffer) -> int:
    element_bytes = max((tensor.format.bytes_for(1) for tensor in tensors), default=0)
    if element_bytes > buffer.tile_bytes:
        raise UserError(
            f"{operation.name} does not fit: buffers.{name}.capacity_bytes is {buffer.capacity_bytes}, "
            f"and one element needs {buffer.capacity_for(element_bytes)} bytes (a tile gets {buffer.tile_rule})"
        )
    return max(1, -(-sum(tensor.bytes for tensor in tensors) // max(1, buffer.tile_bytes)))
