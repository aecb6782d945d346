"""Which tensors of a step stay on chip between their producer and their last use.

Worked out ahead over the whole step, as a compiler would: a tensor that an operation makes stays on chip until its last
use; where the resident tensors then exceed the resident share of the buffers, a rule says which of them do
(``keeping.py``). What does not stay is written to DRAM once and read back by each user. No rule is monotone: a larger
share may keep a tensor for which it gives up another that moves more. What counts is the order
of issue, one operation after another, or the course that an earlier simulation took, with operations beside each other;
where they run otherwise, what makes a resident tensor waits for its room (``scheduling/rooms.py``).

Levels between DRAM and the operand buffers have resident shares of their own. The rule is applied to the operand
buffers first, all of whose shares together are one place, then to each level outwards, with what the places inside of
it gave up: so a tensor lives in the innermost place that has room for it all along.

Parameters, state and what the host supplies (images, labels) live in DRAM and are read by each user. A result
that no operation reads (the loss) is written to DRAM once, for the host. A tensor that is overwritten lives in DRAM,
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain

from accelsim.hardware import Buffers, HardwareConfig
from accelsim.program import Program, TensorSpec
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS, Moved, added, moved
from accelsim.timing.placement.epilogues import Drained, drained_tensors
from accelsim.timing.placement.keeping import Rule, kept
from accelsim.timing.placement.lifetimes import Course, Lifetimes, lifetimes


@dataclass(frozen=True)
class Placing:
    """How tensors are placed.

    ``course`` of the step that counts; None: one operation after another as issued. ``rule``: which tensors stay where
    they exceed the room. ``in_cycles``: whether it counts time in cycles of the course, and not in turns.
    """

    course: Course | None = None
    rule: Rule = Rule.LAST_NEEDED
    in_cycles: bool = False


@dataclass(frozen=True)
class Residency:
    """Where each tensor of a Program lives."""

    on_chip: frozenset[int]
    drained: Drained = field(default_factory=dict)
    """Tensors that are used as they drain, with the operations that read them."""
    in_levels: Mapping[int, int] = field(default_factory=dict)
    """Of those on chip that a level holds, its number, from DRAM inwards and from 1 on."""
    level_names: tuple[str, ...] = ()
    room_bytes: tuple[int, ...] = ()
    """What tensors may take at once in the operand buffers together, then in each level, by its number."""
    placing: Placing = Placing()
    """By which this was decided."""
    lives: Lifetimes | None = field(default=None, compare=False, repr=False)
    """From when to when tensors are there."""

    @property
    def in_flight(self) -> frozenset[int]:
        """Tensors that are stored nowhere."""
        return frozenset(self.drained)

    @cached_property
    def fused(self) -> frozenset[int]:
        """Operations that happen in another one's drain."""
        return frozenset(reader.index for readers in self.drained.values() for reader in readers)

    def kept_in(self, place: int) -> frozenset[int]:
        """Tensors that live in the operand buffers (0) or in a level, by its number."""
        return frozenset(index for index in self.on_chip if self.in_levels.get(index, 0) == place)

    def where(self, tensor_index: int) -> str:
        """``in_flight``: used as it drains; ``on_chip``: in the operand buffers; a level's name; else ``dram``."""
        if tensor_index in self.drained:
            return "in_flight"
        if tensor_index in self.in_levels:
            return self.level_names[self.in_levels[tensor_index] - 1]
        return "on_chip" if tensor_index in self.on_chip else "dram"

    def places(self, tensors: int) -> list[int]:
        """``place`` of each of so many tensors."""
        found = [DRAM] * tensors
        for index in chain(self.on_chip, self.drained):
            found[index] = IN_BUFFERS
        for index, number in self.in_levels.items():
            found[index] = number
        return found

    def lifetimes(self, program: Program) -> Lifetimes:
        """Those of the tensors of ``program`` in the order in which this was decided."""
        return self.lives or lifetimes(program, self.drained, self.placing.course)

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


def place_tensors(
    program: Program,
    hw: HardwareConfig,
    placing: Placing = Placing(),
    known: Residency | None = None,
    spared: Sequence[float] = (),
) -> Residency:
    """Decide for every tensor of ``program``.

    ``known``: another placement of the same step. ``spared``: cycles that the step is spared by each tensor on chip,
    which some rules go by.
    """
    drained = known.drained if known else drained_tensors(program, hw.fused_epilogues)
    lives, levels = _lives(program, drained, placing, known), hw.buffers.levels
    room = (budget_bytes(hw.buffers), *(level.resident_bytes for level in levels))
    staying = lives.lasting
    chosen = partial(kept, placing.rule, in_cycles=placing.in_cycles, spared=spared)
    on_chip = chosen(program, lives, staying, room[0])
    in_levels: dict[int, int] = {}
    for number in range(len(levels), 0, -1):
        there = chosen(program, lives, staying - on_chip - in_levels.keys(), room[number])
        in_levels.update(dict.fromkeys(there, number))
    names, kept_anywhere = tuple(level.name for level in levels), frozenset(on_chip | in_levels.keys())
    return Residency(kept_anywhere, drained, in_levels, names, room, placing, lives)


def _lives(program: Program, drained: Drained, placing: Placing, known: Residency | None) -> Lifetimes:
    if known and known.lives and known.placing.course == placing.course:
        return known.lives
    return lifetimes(program, drained, placing.course, known.lives if known else None)
