"""Operations that are applied to another one's results as these drain, so that nothing is stored between.

Two kinds:

- conversions whose scale is known ahead (from earlier steps, from blocks, or none at all): where every reader of a
  tensor is one, all of them are applied as it drains. With the current tensor's own scale this can't be done: the range
  is known only when the last element is;
- element-wise operations that the hwconfig lists as ``fused_epilogues``: one that alone reads a tensor.

A tensor drains from the one operation that writes it, and to readers that are issued after that: what is read before it
is overwritten is a tensor that was stored. What else a reader reads (the other summand, the mask of a backward) streams
in beside it, so it must be there before the results are: nothing that is issued between the two may write it. A sum
therefore drains from that of its summands that is made last. Nor may what a reader must start after (its ``after``) be
written between the two. What recomputation makes beside what it is done for, and nobody reads (the maxima of a pooling,
done again for their places), is dropped as it drains.

Chains are applied in order, and go on as long as the next reader qualifies. The operation at their head is their host.
It waits for what streams in, and for what must be made before anything in its drain starts (``scheduling.ordering``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from accelsim.program import Operation, Program, TensorSpec

CONVERSIONS = ("requantise", "convert", "dequantise")
"""Opcodes that give a unit's result the format of its next role."""

Drained = Mapping[int, Sequence[Operation]]
"""Tensors that are used as they drain, with the operations that read them."""


def drained_tensors(program: Program, fused: Collection[str]) -> dict[int, list[Operation]]:
    """Tensors of ``program`` that are used as they drain, where opcodes in ``fused`` are applied so."""
    return _Search(program, fused).drained()


def applied(program: Program, host: Operation, drained: Drained) -> list[Operation]:
    """What is applied to the results of ``host`` as they drain, in order."""
    found = [reader for index in host.outputs for reader in drained.get(index, ())]
    for operation in found:
        found += [reader for index in operation.outputs for reader in drained.get(index, ())]
    return found


def streamed(program: Program, operations: Sequence[Operation], drained: Drained) -> list[TensorSpec]:
    """Tensors that stream in beside the results that ``operations`` are applied to."""
    read = dict.fromkeys(index for operation in operations for index in operation.inputs)
    return [program.tensors[index] for index in read if index not in drained]


class _Search:
    def __init__(self, program: Program, fused: Collection[str]) -> None:
        self.program = program
        self.fused = fused
        self.readers: dict[int, list[Operation]] = defaultdict(list)
        self.writers: dict[int, list[int]] = defaultdict(list)
        for operation in program.operations:
            for index in operation.inputs:
                self.readers[index].append(operation)
            for index in operation.outputs:
                self.writers[index].append(operation.index)
        self.hosts: dict[int, int] = {}

    def drained(self) -> dict[int, list[Operation]]:
        found = {}
        for operation in self.program.operations:
            host = self.hosts.get(operation.index, operation.index)
            for index in operation.outputs:
                readers = self.readers[index]
                if not readers and self.program.tensors[index].again:
                    found[index] = readers
                in_time = all(self._in_time(index, host, reader) for reader in readers)
                if readers and in_time and (all(map(_one_pass, readers)) or self._fuses(index)):
                    found[index] = readers
                    self.hosts.update({reader.index: host for reader in readers})
        return found

    def _in_time(self, index: int, host: int, reader: Operation) -> bool:
        """True where the host's drain can serve the reader of a tensor: nothing else that it wants is written later."""
        if len(self.writers[index]) > 1 or self.writers[index][0] >= reader.index or reader.index in self.hosts:
            return False
        beside = (*(other for other in reader.inputs if other != index), *reader.after)
        return not any(host <= writer < reader.index for other in beside for writer in self.writers[other])

    def _fuses(self, index: int) -> bool:
        """True where the tensor's only reader is an element-wise operation that can be applied as it drains."""
        tensor, (reader, *others) = self.program.tensors[index], self.readers[index]
        if others or tensor.persistent or reader.opcode not in self.fused:
            return False
        return all(made.elements == tensor.elements for made in self.program.outputs_of(reader))


def _one_pass(operation: Operation) -> bool:
    return operation.opcode in CONVERSIONS and bool(operation.attributes.get("one_pass"))
