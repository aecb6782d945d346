"""From when to when each tensor of a step is there, by the turns of its operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.program import Program
from accelsim.timing.placement.epilogues import Drained, applied


@dataclass(frozen=True)
class Lifetimes:
    """Of the tensors that a step makes and stores.

    ``turns``: operations in the order that counts. ``made``: for each operation the tensors that it puts down, what is
    applied in its drain included, so that an operation which happens in another one's drain puts down nothing.
    ``readers``: of each tensor. ``spent``: the turn of the last of them; -1 where none reads it.
    """

    turns: Sequence[int]
    made: Sequence[Sequence[int]]
    readers: Sequence[Sequence[int]]
    spent: Sequence[int]


def lifetimes(program: Program, drained: Drained, turns: Sequence[int] = ()) -> Lifetimes:
    """Those of ``program`` in the order of ``turns``, by default as issued; ``drained`` tensors are stored nowhere."""
    turns = turns or range(len(program.operations))
    turn_of = {operation: turn for turn, operation in enumerate(turns)}
    fused = {reader.index for readers in drained.values() for reader in readers}
    made: list[list[int]] = []
    readers: list[list[int]] = [[] for _ in program.tensors]
    for operation in program.operations:
        for index in dict.fromkeys(operation.inputs):
            readers[index].append(operation.index)
        makers = [] if operation.index in fused else [operation, *applied(program, operation, drained)]
        outputs = dict.fromkeys(index for maker in makers for index in maker.outputs)
        made.append([i for i in outputs if i not in drained and not program.tensors[i].persistent])
    return Lifetimes(turns, made, readers, [max((turn_of[r] for r in found), default=-1) for found in readers])
