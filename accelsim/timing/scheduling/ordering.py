"""The order that a schedule must keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from accelsim.program import Operation, Program, Unit
from accelsim.timing.placement.epilogues import Drained, applied, streamed


def predecessors(program: Program, drained: Drained | None = None) -> list[tuple[int, ...]]:
    """For each operation, the operations that must end before it starts.

    These are the producers of what it reads or overwrites (``Program.dependencies``) and, for what it
    overwrites in place, the readers of the old value: an update waits for the products that use the weight. Where
    tensors are ``drained``, an operation also waits for what streams in beside its results, and for what is to be made
    before anything that is applied to them starts (``Operation.after``).
    """
    readers: dict[int, list[int]] = defaultdict(list)
    writers: dict[int, int] = {}
    found = []
    for operation, producers in zip(program.operations, program.dependencies(), strict=True):
        old_readers = {reader for index in operation.outputs for reader in readers.pop(index, [])}
        wanted = _wanted_in_drain(program, operation, drained) if drained else ()
        makers = (writers[index] for index in wanted if index in writers)
        found.append(tuple(sorted(old_readers.union(producers, makers))))
        writers.update(dict.fromkeys(operation.outputs, operation.index))
        for index in operation.inputs:
            readers[index].append(operation.index)
    return found


def in_issue_order(order: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The same, and each operation waits for the one before it, too."""
    return [tuple(sorted({*needed, i - 1})) if i else needed for i, needed in enumerate(order)]


def _wanted_in_drain(program: Program, host: Operation, drained: Drained) -> list[int]:
    """Tensors that must have been made before what is applied to the results of ``host`` can be."""
    operations = applied(program, host, drained)
    beside = [tensor.index for tensor in streamed(program, operations, drained)]
    return beside + [index for operation in operations for index in operation.after]


def successors(order: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Invert ``predecessors``: for each operation, those that wait for it, in issue order."""
    found: list[list[int]] = [[] for _ in order]
    for index, needed in enumerate(order):
        for earlier in needed:
            found[earlier].append(index)
    return found


def dependency_waits(program: Program, cycles: Sequence[tuple[int, int]]) -> list[int]:
    """For each operation, how long it waited for what it needs after all earlier ones of its unit had ended.

    ``cycles``: (given, end) of each operation, given being when all that it needs had ended.
    """
    last_end: dict[Unit, int] = {}
    found = []
    for operation, (given, end) in zip(program.operations, cycles, strict=True):
        before = last_end.get(operation.unit, 0)
        found.append(max(0, given - before))
        last_end[operation.unit] = max(before, end)
    return found
