"""How much of what the machines of a cluster exchange is hidden behind the backward pass.

As for weight-gradient products (``weight_products``), the step is simulated anew without it: *exposed* are the cycles
by which the step is longer than one in which operations of the phase ``all_reduce`` take no time and move nothing,
with tensors where they were. Alone, these take the busy cycles of their unit, or those of their DRAM bytes, whichever
are more. A schedule may become longer where an operation becomes shorter, so the exposed cycles may rarely be below 0,
and above those alone where others wait for DRAM or a unit because of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.program import Phase, Unit
from accelsim.timing.analysis.weight_products import alone_cycles
from accelsim.timing.mapping.exchange import exchange_cost
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.timeline import Timeline


@dataclass(frozen=True)
class Exposure:
    """``alone_cycles``: of all that is exchanged, one after the other; ``sent_bytes``: by one machine."""

    alone_cycles: int
    exposed_cycles: int
    sent_bytes: int

    @property
    def exposed_share(self) -> float | None:
        """Of the cycles alone; None where nothing is exchanged."""
        return self.exposed_cycles / self.alone_cycles if self.alone_cycles else None


def exposure(step: PlannedStep, timeline: Timeline) -> Exposure:
    """Measure what is exchanged in ``timeline``, the simulation of ``step``, with one more simulation."""
    exchanged = [op for op in step.program.operations if op.phase is Phase.ALL_REDUCE]
    if not exchanged:
        return Exposure(0, 0, 0)
    without = step.simulate(untimed=frozenset(op.index for op in exchanged), like=timeline)
    bandwidth = DramModel.of(step.hw).bytes_per_cycle
    costs = [exchange_cost(step.program, op, step.hw) for op in exchanged if op.unit is Unit.LINK]
    return Exposure(
        alone_cycles=sum(alone_cycles(timeline.operations[op.index], bandwidth) for op in exchanged),
        exposed_cycles=timeline.total_cycles - without.total_cycles,
        sent_bytes=sum(cost.sent_bytes for cost in costs),
    )
