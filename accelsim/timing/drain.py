"""One-pass requantisation: wide results whose next scale is known ahead never leave the output stage.

Where every reader of a tensor is a requantisation with a scale from earlier steps, the producer's results are
requantised as they drain: the wide tensor is stored nowhere, its readers take no time of their own, and the producer
is held to what the quantise unit's lanes take in, tile by tile. With the current tensor's own scale this can't be done:
the range is known only when the last element is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing.sram import Access, SramTraffic

CONVERSIONS = ("requantise", "convert", "dequantise")
"""Opcodes that give a unit's result the format of its next role."""


@dataclass(frozen=True)
class Drain:
    """What leaves an operation beside its own results: copies to DRAM, lane cycles that make them, buffer traffic."""

    stored_bytes: int = 0
    cycles: int = 0
    traffic: SramTraffic = field(default_factory=SramTraffic)


NO_DRAIN = Drain()


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


def drain_of(
    program: Program, readers: Sequence[Operation], hw: HardwareConfig, in_dram: Callable[[int], bool]
) -> Drain:
    """The copies of ``readers`` made in their producer's drain; ``in_dram`` tells those that are stored there.

    The drain reads the accumulators once and writes the copies; those bound for DRAM are read out again.
    """
    if not readers:
        return NO_DRAIN
    wide = program.inputs_of(readers[0])[0]
    narrow = [tensor for reader in readers for tensor in program.outputs_of(reader)]
    lanes = hw.quantise_unit.lanes if hw.quantise_unit else 1
    stored = sum(tensor.bytes for tensor in narrow if in_dram(tensor.index))
    written = sum(tensor.bytes for tensor in narrow)
    traffic = SramTraffic(output=Access(read_bytes=wide.bytes + stored, write_bytes=written))
    return Drain(stored, -(-sum(tensor.elements for tensor in narrow) // lanes), traffic)
