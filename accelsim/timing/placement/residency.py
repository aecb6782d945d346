"""Which tensors of a step stay on chip between their producer and their last use.

The rule, worked out ahead over the whole step in issue order, as a compiler would: a tensor that an operation
makes stays on chip until its last use; where the resident tensors then exceed the resident share of the
buffers, those whose last use lies furthest ahead are given up, from their making on. What does not stay is
written to DRAM once and read back by each user. The rule looks at one operation at a time, so it isn't
monotone: a larger share may keep a tensor for which it gives up another that moves more.

Levels between DRAM and the operand buffers have resident shares of their own. The rule is applied to the operand
buffers first, all of whose shares together are one place, then to each level outwards, with what the places inside of
it gave up: so a tensor lives in the innermost place that has room for it all along.

Parameters, state and what the host supplies (images, labels) live in DRAM and are read by each user. A result
that no operation reads (the loss) is written to DRAM once, for the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property

from accelsim.hardware import Buffers, HardwareConfig
from accelsim.program import Program, TensorSpec
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS, Moved, added, moved
from accelsim.timing.placement.epilogues import Drained, drained_tensors


@dataclass(frozen=True)
class Residency:
    """Where each tensor of a Program lives."""

    on_chip: frozenset[int]
    drained: Drained = field(default_factory=dict)
    """Tensors that are used as they drain, with the operations that read them."""
    in_levels: Mapping[int, int] = field(default_factory=dict)
    """Of those on chip that a level holds, its number, from DRAM inwards and from 1 on."""
    level_names: tuple[str, ...] = ()

    @property
    def in_flight(self) -> frozenset[int]:
        """Tensors that are stored nowhere."""
        return frozenset(self.drained)

    @cached_property
    def fused(self) -> frozenset[int]:
        """Operations that happen in another one's drain."""
        return frozenset(reader.index for readers in self.drained.values() for reader in readers)

    def where(self, tensor_index: int) -> str:
        """``in_flight``: used as it drains; ``on_chip``: in the operand buffers; a level's name; else ``dram``."""
        if tensor_index in self.drained:
            return "in_flight"
        if tensor_index in self.in_levels:
            return self.level_names[self.in_levels[tensor_index] - 1]
        return "on_chip" if tensor_index in self.on_chip else "dram"

    def place(self, tensor_index: int) -> int:
        """Number of the place that it is fetched from or stored to; ``IN_BUFFERS`` where it never moves."""
        if tensor_index in self.in_levels:
            return self.in_levels[tensor_index]
        return IN_BUFFERS if tensor_index in self.on_chip or tensor_index in self.drained else DRAM

    def moved(self, tensors: Iterable[TensorSpec]) -> Moved:
        """Bytes of tensors by the place that they are fetched from or stored to."""
        levels = len(self.level_names)
        parts = (moved(self.place(tensor.index), tensor.bytes, levels) for tensor in tensors)
        return added((moved(DRAM, 0, levels), *parts))


def budget_bytes(buffers: Buffers) -> int:
    """Bytes that resident tensors may take at once in the operand buffers."""
    return buffers.input.resident_bytes + buffers.weight.resident_bytes + buffers.output.resident_bytes


def place_tensors(program: Program, hw: HardwareConfig) -> Residency:
    """Decide for every tensor of ``program`` by the rule above."""
    drained, levels = drained_tensors(program, hw.fused_epilogues), hw.buffers.levels
    last_read = {index: operation.index for operation in program.operations for index in operation.inputs}
    staying = {t.index for t in program.tensors if not t.persistent and t.index in last_read and t.index not in drained}
    on_chip = _kept(program, last_read, staying, budget_bytes(hw.buffers))
    in_levels: dict[int, int] = {}
    for number in range(len(levels), 0, -1):
        left = staying - on_chip - in_levels.keys()
        kept = _kept(program, last_read, left, levels[number - 1].resident_bytes)
        in_levels.update(dict.fromkeys(kept, number))
    return Residency(frozenset(on_chip | in_levels.keys()), drained, in_levels, tuple(level.name for level in levels))


def _kept(program: Program, last_read: Mapping[int, int], candidates: Set[int], budget: int) -> set[int]:
    """Those of the candidates that stay in a place of ``budget`` bytes from their making to their last use."""
    resident: dict[int, int] = {}
    kept: set[int] = set()
    for operation in program.operations:
        made = [tensor for tensor in program.outputs_of(operation) if tensor.index in candidates]
        resident.update({tensor.index: tensor.bytes for tensor in made})
        kept.update(tensor.index for tensor in made)
        while sum(resident.values()) > budget:
            given_up = max(resident, key=lambda index: (last_read[index], index))
            del resident[given_up]
            kept.discard(given_up)
        resident = {index: size for index, size in resident.items() if last_read[index] > operation.index}
    return kept
