"""How much of the weight-gradient products' time is hidden behind the serial path.

Banner et al. (2018) give the weight gradient a 16-bit copy of the layer gradient, which makes it the slower product,
because it isn't on the critical path: no other layer's backward pass waits for it. Two measures of how far that holds:

- *beside*: cycles in which a weight-gradient product held its array while an operation of the serial path (forward or
  data gradient, any unit) ran. Running beside isn't free: both share DRAM.
- *hidden*: 1 - (cycles of the step - cycles of the step in which these products take no time and move nothing) /
  (cycles of the products alone). The second step is simulated anew, with tensors where they were: an overlap alone
  would call a product hidden that slows its neighbours through DRAM. Alone, a product takes the busy cycles of its
  array (work, and what revisits, buffer ports and lanes in its drain add) or those of its DRAM bytes, whichever are
  more; those that it held its array grow while others keep it from DRAM, and would flatter. Fully hidden products don't
  lengthen the step. The share is below 0 where they lengthen it by more than they take alone, and may rarely be a
  little above 1, as a schedule may become longer where an operation becomes shorter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from accelsim.program import SERIAL_PATH, Operation, Phase, Unit
from accelsim.timing.analysis.spans import common_cycles, length_cycles, merged, spans_of
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.timeline import OperationTiming, Timeline


@dataclass(frozen=True)
class WeightProducts:
    """The weight-gradient products of a step; ``beside_cycles`` has one entry per product, by operation index."""

    held_cycles: int
    """For which they held an array, all together."""
    alone_cycles: int
    """That they take alone, all together."""
    beside_cycles: dict[int, int]
    step_cycles: int
    step_cycles_without: int

    @property
    def extension_cycles(self) -> int:
        """Cycles by which the products make the step longer."""
        return self.step_cycles - self.step_cycles_without

    @property
    def beside_share(self) -> float:
        """Share of the cycles that they held an array in which the serial path ran; NaN without such products."""
        return sum(self.beside_cycles.values()) / self.held_cycles if self.held_cycles else math.nan

    @property
    def hidden_share(self) -> float:
        """Share of their cycles alone that the step doesn't show; NaN without such products."""
        return 1 - self.extension_cycles / self.alone_cycles if self.alone_cycles else math.nan


def is_weight_product(operation: Operation) -> bool:
    """True for a product of the MAC array in the weight-gradient phase."""
    return operation.unit is Unit.MAC_ARRAY and operation.phase is Phase.WEIGHT_GRADIENT


def weight_products(step: PlannedStep, timeline: Timeline) -> WeightProducts:
    """Measure the weight-gradient products of ``timeline``, the simulation of ``step``, with one more simulation."""
    operations = step.program.operations
    products = [op.index for op in operations if is_weight_product(op)]
    serial = [timeline.operations[op.index] for op in operations if op.phase in SERIAL_PATH]
    spans = dict(zip(products, spans_of(timeline.operations[i] for i in products), strict=True))
    others = merged(spans_of(serial))
    free = frozenset(products)
    without = step.simulate(untimed=free, like=timeline) if products else timeline
    bandwidth = DramModel.of(step.hw).bytes_per_cycle
    return WeightProducts(
        held_cycles=length_cycles(spans.values()),
        alone_cycles=sum(alone_cycles(timeline.operations[index], bandwidth) for index in products),
        beside_cycles={index: common_cycles(span, others) for index, span in spans.items()},
        step_cycles=timeline.total_cycles,
        step_cycles_without=without.total_cycles,
    )


def alone_cycles(timing: OperationTiming, dram_bytes_per_cycle: float) -> int:
    """Busy cycles of an operation's unit, or those of its DRAM bytes, whichever are more."""
    return max(timing.busy_cycles, math.ceil(timing.dram_bytes / dram_bytes_per_cycle))
