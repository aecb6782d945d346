"""Which tensors of a step stay on chip between their producer and their last use.

The rule, worked out ahead over the whole step in issue order, as a compiler would: a tensor that an operation
makes stays on chip until its last use; where the resident tensors then exceed the resident share of the
buffers, those whose last use lies furthest ahead are given up, from their making on. What does not stay is
written to DRAM once and read back by each user. The rule looks at one operation at a time: now and then a larger
resident share keeps a tensor for which it must give up another that moves more.

Parameters, state and what the host supplies (images, labels) live in DRAM and are read by each user. A result
that no operation reads (the loss) is written to DRAM once, for the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from accelsim.hardware import Buffers, HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing.drain import drained_tensors

Place = Literal["dram", "on_chip", "in_flight"]


@dataclass(frozen=True)
class Residency:
    """Where each tensor of a Program lives."""

    on_chip: frozenset[int]
    drained: Mapping[int, Sequence[Operation]] = field(default_factory=dict)
    """Tensors that are converted as they drain, with the conversions that read them."""

    @property
    def in_flight(self) -> frozenset[int]:
        """Tensors that are stored nowhere."""
        return frozenset(self.drained)

    def where(self, tensor_index: int) -> Place:
        """``in_flight``: requantised as it drains; ``on_chip``: never leaves the buffers; else ``dram``."""
        if tensor_index in self.drained:
            return "in_flight"
        return "on_chip" if tensor_index in self.on_chip else "dram"

    def in_dram(self, tensor_index: int) -> bool:
        return tensor_index not in self.on_chip and tensor_index not in self.drained


def budget_bytes(buffers: Buffers) -> int:
    """Bytes that resident tensors may take at once."""
    return buffers.input.resident_bytes + buffers.weight.resident_bytes + buffers.output.resident_bytes


def place_tensors(program: Program, hw: HardwareConfig) -> Residency:
    """Decide for every tensor of ``program`` by the rule above."""
    budget, drained = budget_bytes(hw.buffers), drained_tensors(program)
    last_read = {index: operation.index for operation in program.operations for index in operation.inputs}
    resident: dict[int, int] = {}
    on_chip: set[int] = set()
    for operation in program.operations:
        stays = [t for t in program.outputs_of(operation) if not t.persistent and t.index in last_read]
        made = [tensor for tensor in stays if tensor.index not in drained]
        resident.update({tensor.index: tensor.bytes for tensor in made})
        on_chip.update(tensor.index for tensor in made)
        while sum(resident.values()) > budget:
            given_up = max(resident, key=lambda index: (last_read[index], index))
            del resident[given_up]
            on_chip.discard(given_up)
        resident = {index: size for index, size in resident.items() if last_read[index] > operation.index}
    return Residency(frozenset(on_chip), drained)
