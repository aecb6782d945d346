"""One-pass requantisation: wide results whose next scale is known ahead never leave the output stage.

Where every reader of a tensor is a requantisation with a scale from earlier steps, the producer's results are
requantised as they drain: the wide tensor is stored nowhere, its readers take no time of their own, and the producer
is held to what the quantise unit's lanes take in. With the current tensor's own scale this can't be done: the range is
known only when the last element is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program, TensorSpec
from accelsim.timing.plan import OperationPlan, Piece
from accelsim.timing.sram import Access, SramTraffic
from accelsim.timing.stream import split

NOTHING = OperationPlan(0, (), SramTraffic())
"""Plan of a requantisation that happens in its producer's drain."""
CONVERSIONS = ("requantise", "convert", "dequantise")
"""Opcodes that give a unit's result the format of its next role."""


def drained_tensors(program: Program) -> dict[int, list[Operation]]:
    """Wide tensors that are requantised as they drain, with the requantisations that read them."""
    readers: dict[int, list[Operation]] = {}
    for operation in program.operations:
        for index in operation.inputs:
            readers.setdefault(index, []).append(operation)
    made = {index for operation in program.operations for index in operation.outputs}
    return {i: found for i, found in readers.items() if i in made and all(_one_pass(op) for op in found)}


def _one_pass(operation: Operation) -> bool:
    return operation.opcode in CONVERSIONS and bool(operation.attributes.get("one_pass"))


def with_drain(
    plan: OperationPlan, program: Program, readers: Sequence[Operation], hw: HardwareConfig, in_dram: frozenset[int]
) -> OperationPlan:
    """The producer's plan with the copies of ``readers`` made in its drain; ``in_dram`` are those stored there."""
    narrow = [tensor for reader in readers for tensor in program.outputs_of(reader)]
    lanes = hw.quantise_unit.lanes if hw.quantise_unit else 1
    cycles = -(-sum(tensor.elements for tensor in narrow) // lanes)
    stored = sum(tensor.bytes for tensor in narrow if tensor.index in in_dram)
    pieces = plan.pieces or (Piece(0, 0, 0),)
    added = zip(pieces, split(cycles, len(pieces)), split(stored, len(pieces)), strict=True)
    return replace(
        plan,
        pieces=tuple(
            replace(piece, busy_cycles=max(piece.busy_cycles, busy), store_bytes=piece.store_bytes + extra)
            for piece, busy, extra in added
        ),
        sram=plan.sram + _traffic(program.inputs_of(readers[0])[0], narrow, stored),
    )


def _traffic(wide: TensorSpec, narrow: list[TensorSpec], stored_bytes: int) -> SramTraffic:
    """The drain reads the accumulators once and writes the copies; those bound for DRAM are read out again."""
    written = sum(tensor.bytes for tensor in narrow)
    return SramTraffic(output=Access(read_bytes=wide.bytes + stored_bytes, write_bytes=written))
