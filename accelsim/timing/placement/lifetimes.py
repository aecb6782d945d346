"""From when to when each tensor of a step is there, by the turns of its operations."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from accelsim.program import Program
from accelsim.timing.placement.epilogues import Drained, applied
from accelsim.timing.rows import Integers, Rows


@dataclass(frozen=True)
class Course:
    """How a step went: which operations were at work from when to when.

    ``turns``: operations in the order in which they started. ``last_turns``: of each operation, the last turn that
    began before it ended, its own at least; what it reads is there until then. ``cycles``: in which each turn began,
    and the step ended.
    """

    turns: Sequence[int]
    last_turns: Sequence[int]
    cycles: Sequence[int]


@dataclass(frozen=True)
class Uses:
    """Of the tensors that a step makes and stores, whatever the order of its operations.

    ``made``: for each operation the tensors that it puts down, what is applied in its drain included, so that an
    operation which happens in another one's drain puts down nothing. ``readers``: of each tensor. ``lasting``: tensors
    that are made once, and read, all after that; others are there more than once, or from before the step. ``sizes``:
    bytes of all tensors of the Program.
    """

    made: Sequence[Sequence[int]]
    readers: Sequence[Sequence[int]]
    lasting: frozenset[int]
    sizes: Integers = field(compare=False)

    @cached_property
    def made_rows(self) -> Rows:
        """``made`` as arrays."""
        return Rows.of(self.made)


@dataclass(frozen=True)
class Lifetimes(Uses):
    """The same with ``turns``: operations in the order that counts.

    ``spent``: the last turn in which each tensor is read; -1 where none reads it. ``cycles``: in which each turn
    begins, and the step ends; without a course that is known a turn is one. ``orders``: in which rules take tensors,
    once that is known.
    """

    turns: Sequence[int]
    spent: Sequence[int]
    cycles: Sequence[int]
    orders: dict[Hashable, Sequence[int]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def spans(self) -> dict[int, tuple[int, int]]:
        """Of each tensor that is put down, the turn in which it is, and the one after its last use."""
        found: dict[int, tuple[int, int]] = {}
        for turn, operation in enumerate(self.turns):
            for index in self.made[operation]:
                if index not in found:
                    found[index] = turn, 1 + max(turn, self.spent[index])
        return found

    @cached_property
    def span_table(self) -> tuple[Integers, Integers]:
        """Tensors, and ``spans`` of each as a row."""
        return np.array(list(self.spans), np.int64), np.array(list(self.spans.values()), np.int64).reshape(-1, 2)


def uses(program: Program, drained: Drained) -> Uses:
    """Those of ``program``; ``drained`` tensors are stored nowhere."""
    fused = {reader.index for readers in drained.values() for reader in readers}
    made: list[list[int]] = []
    readers: list[list[int]] = [[] for _ in program.tensors]
    for operation in program.operations:
        for index in dict.fromkeys(operation.inputs):
            readers[index].append(operation.index)
        makers = [] if operation.index in fused else [operation, *applied(program, operation, drained)]
        outputs = dict.fromkeys(index for maker in makers for index in maker.outputs)
        made.append([i for i in outputs if i not in drained and not program.tensors[i].persistent])
    lasting = _lasting(program, readers).intersection(chain.from_iterable(made))
    return Uses(made, readers, lasting, np.array([tensor.bytes for tensor in program.tensors], np.int64))


def _lasting(program: Program, readers: Sequence[Sequence[int]]) -> frozenset[int]:
    writers: list[list[int]] = [[] for _ in program.tensors]
    for operation in program.operations:
        for index in dict.fromkeys(operation.outputs):
            writers[index].append(operation.index)
    both = enumerate(zip(writers, readers, strict=True))
    return frozenset(index for index, (made, read) in both if len(made) == 1 and read and made[0] < min(read))


def lifetimes(program: Program, drained: Drained, course: Course | None = None, known: Uses | None = None) -> Lifetimes:
    """Those of ``program`` as ``course`` went, by default one operation after another as issued.

    ``known``: its uses, where they are.
    """
    found, count = known or uses(program, drained), len(program.operations)
    course = course or Course(range(count), range(count), range(count + 1))
    last = course.last_turns.__getitem__
    spent = [max(map(last, readers)) if readers else -1 for readers in found.readers]
    return Lifetimes(found.made, found.readers, found.lasting, found.sizes, course.turns, spent, course.cycles)
