"""From when to when each tensor of a step is there, by the turns of its operations."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from accelsim.program import Program
from accelsim.timing.placement.epilogues import Drained, applied


@dataclass(frozen=True)
class Uses:
    """Of the tensors that a step makes and stores, whatever the order of its operations.

    ``made``: for each operation the tensors that it puts down, what is applied in its drain included, so that an
    operation which happens in another one's drain puts down nothing. ``readers``: of each tensor.
    """

    made: Sequence[Sequence[int]]
    readers: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Lifetimes(Uses):
    """The same with ``turns``: operations in the order that counts.

    ``spent``: the turn of the last reader of each tensor; -1 where none reads it. ``orders``: in which rules take
    tensors, once that is known.
    """

    turns: Sequence[int]
    spent: Sequence[int]
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
    return Uses(made, readers)


def lifetimes(program: Program, drained: Drained, turns: Sequence[int] = (), known: Uses | None = None) -> Lifetimes:
    """Those of ``program`` in the order of ``turns``, by default as issued; ``known``: its uses, where they are."""
    found = known or uses(program, drained)
    turns = turns or range(len(program.operations))
    turn_of = [0] * len(turns)
    for turn, operation in enumerate(turns):
        turn_of[operation] = turn
    last = turn_of.__getitem__
    spent = [max(map(last, readers)) if readers else -1 for readers in found.readers]
    return Lifetimes(found.made, found.readers, turns, spent)
