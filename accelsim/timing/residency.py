"""Which tensors of a step stay on chip between their producer and their last use.

The rule, in issue order: a tensor that an operation makes stays on chip until its last use if it fits into
what is left of the residency budget at that moment; otherwise it is written to DRAM once and read back by
each user. A decision is never taken back. The budget is the part of the input and output buffers that
the active tiles don't take: half of each double-buffered one.

Parameters, state and what the host supplies (images, labels) live in DRAM and are read by each user. A result
that no operation reads (the loss) is written to DRAM once, for the host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from accelsim.hardware import Buffers, HardwareConfig
from accelsim.program import Program

Place = Literal["dram", "on_chip"]


@dataclass(frozen=True)
class Residency:
    """Where each tensor of a Program lives."""

    on_chip: frozenset[int]

    def where(self, tensor_index: int) -> Place:
        """``on_chip`` where the tensor never leaves the buffers, else ``dram``."""
        return "on_chip" if tensor_index in self.on_chip else "dram"

    def in_dram(self, tensor_index: int) -> bool:
        return tensor_index not in self.on_chip


def budget_bytes(buffers: Buffers) -> int:
    """Bytes that resident tensors may take at once."""
    return sum(buffer.capacity_bytes - buffer.tile_bytes for buffer in (buffers.input, buffers.output))


def place_tensors(program: Program, hw: HardwareConfig) -> Residency:
    """Decide for every tensor of ``program`` by the rule above."""
    free = budget_bytes(hw.buffers)
    last_read = {index: operation.index for operation in program.operations for index in operation.inputs}
    resident: dict[int, int] = {}
    on_chip: set[int] = set()
    for operation in program.operations:
        for tensor in program.outputs_of(operation):
            keeps = not tensor.persistent and tensor.index in last_read
            if keeps and tensor.index not in on_chip and tensor.bytes <= free:
                resident[tensor.index] = tensor.bytes
                on_chip.add(tensor.index)
                free -= tensor.bytes
        free += sum(resident.pop(index) for index in _finished(resident, last_read, operation.index))
    return Residency(frozenset(on_chip))


def _finished(resident: Iterable[int], last_read: dict[int, int], now: int) -> list[int]:
    return [index for index in resident if last_read[index] <= now]
