"""What the operations that are applied to an operation's results as these drain cost it (see ``epilogues``).

Their results are stored in place of its own, they take no time of their own, and it is held to what their lanes take
in, tile by tile: lanes of several units work side by side, and those of its own unit do its own work as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from accelsim.program import Operation, Program, TensorSpec, Unit
from accelsim.timing.memory.sram import Access, SramTraffic
from accelsim.timing.placement.epilogues import applied, streamed
from accelsim.timing.placement.residency import Residency


@dataclass(frozen=True)
class Drain:
    """What an operation does beside its own work.

    ``stored``: results made in the drain, in place of its own; ``streamed``: operands that come in for it, through the
    input buffer. ``cycles``: of the busiest other unit's lanes; ``own_steps``: lane steps of its own unit.
    ``traffic``: of the output buffer, where the accumulators are read and the results written.
    """

    stored: tuple[TensorSpec, ...] = ()
    streamed: tuple[TensorSpec, ...] = ()
    cycles: int = 0
    own_steps: int = 0
    traffic: SramTraffic = field(default_factory=SramTraffic)

    @property
    def streamed_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.streamed)


NO_DRAIN = Drain()


def drain_of(program: Program, host: Operation, residency: Residency, lanes: Callable[[Unit], int]) -> Drain:
    """What is applied in the drain of ``host``; ``lanes``: how many a unit has.

    Accumulators are read once and results written once.
    """
    operations = applied(program, host, residency.drained)
    if not operations:
        return NO_DRAIN
    made = [tensor for operation in operations for tensor in program.outputs_of(operation)]
    stored = tuple(tensor for tensor in made if tensor.index not in residency.drained)
    wide = sum(tensor.bytes for tensor in program.outputs_of(host) if tensor.index in residency.drained)
    written = sum(tensor.bytes for tensor in stored)
    steps = Counter[Unit]()
    for operation in operations:
        steps[operation.unit] += operation.work.elements if operation.work else 0
    own_steps = steps.pop(host.unit, 0)
    return Drain(
        stored=stored,
        streamed=tuple(streamed(program, operations, residency.drained)),
        cycles=max((-(-count // lanes(unit)) for unit, count in steps.items()), default=0),
        own_steps=own_steps,
        traffic=SramTraffic(output=Access(read_bytes=wide, write_bytes=written)),
    )
