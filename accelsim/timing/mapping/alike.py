"""Operations that are alike: where the tensors that they touch lie in the same places, their plans are the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from accelsim.program import SERIAL_PATH, Operation, Program
from accelsim.timing.placement.epilogues import Drained, applied


@dataclass(frozen=True)
class Alike:
    """``kinds``: a number for each operation, the same for those that are alike. ``touched``: all tensors that it, or
    what is applied to its results as they drain, reads or writes, in the same order for those that are alike.
    """

    kinds: Sequence[int]
    touched: Sequence[tuple[int, ...]]

    @classmethod
    def of(cls, program: Program, drained: Drained) -> Alike:
        """Those of ``program``: the same work on tensors of the same shapes, formats and blocks, in the same roles
        to it."""
        known: dict[Hashable, int] = {}
        forms: dict[Hashable, int] = {}
        form = [
            forms.setdefault((tensor.shape, id(tensor.format), tensor.along), len(forms)) for tensor in program.tensors
        ]
        fused = {reader.index for readers in drained.values() for reader in readers}
        kinds, touched = [], []
        for operation in program.operations:
            makers = [operation, *applied(program, operation, drained)]
            tensors = tuple(dict.fromkeys(index for maker in makers for index in (*maker.inputs, *maker.outputs)))
            places = {index: place for place, index in enumerate(tensors)}
            key = (
                operation.index in fused,
                tuple((form[index], index in drained) for index in tensors),
                tuple(_described(maker, places) for maker in makers),
            )
            kinds.append(known.setdefault(key, len(known)))
            touched.append(tensors)
        return cls(kinds, touched)

    def key(self, operation: int, places: Sequence[int]) -> Hashable:
        """The same for operations with the same plan, where tensors lie in these places."""
        return self.kinds[operation], *map(places.__getitem__, self.touched[operation])

    def touching(self, tensors: int) -> list[list[int]]:
        """Of each of so many tensors, the operations that touch it."""
        found: list[list[int]] = [[] for _ in range(tensors)]
        for operation, touched in enumerate(self.touched):
            for index in touched:
                found[index].append(operation)
        return found


def _described(operation: Operation, places: dict[int, int]) -> Hashable:
    """All that an operation is, but its names, and the numbers of its tensors."""
    work = operation.work
    return (
        operation.opcode,
        operation.unit,
        operation.phase in SERIAL_PATH,
        tuple(places[index] for index in operation.inputs),
        tuple(places[index] for index in operation.outputs),
        operation.gemms,
        work and (work.elements, work.multiplies, work.adds, id(work.format)),
        repr(operation.attributes) if operation.attributes else "",
    )
