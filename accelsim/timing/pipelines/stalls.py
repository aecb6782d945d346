"""Why a unit stood still while it held an operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from accelsim.hardware.memory import MOST_LEVELS


class Cause(IntEnum):
    """Causes that the pipeline tells apart while it runs, as places in a list of cycles."""

    DRAM_LATENCY = 0
    FIRST_TILE = 1
    OPERANDS = 2
    OUTPUT_BUFFER = 3
    LAST_TILE = 4
    DRAM_ROW = 5
    DRAM_TURNAROUND = 6
    REFRESH = 7
    DRAM_BUSY = 8


CAUSES = len(Cause) + MOST_LEVELS
"""Length of that list: after the causes come the levels, from DRAM inwards."""
LEAD_IN, LEAD_OUT = CAUSES, CAUSES + 1
"""Places of what follows: how many of these cycles were before the first work, and how many after the last."""
COUNTS = CAUSES + 2
"""Length of all that a pipeline counts."""


@dataclass(frozen=True)
class StallCycles:
    """Cycles of one operation in which its unit did no work, by cause; ``total`` is all of them.

    While a unit waits for a transfer, the time before DRAM takes it up counts as DRAM being busy with others, the part
    of it that DRAM spends on rows, turnaround or refresh as these, and the part by which a level takes longer than DRAM
    as that level.
    """

    dram_latency_cycles: int = 0
    """Until the first data of the first load came, and until the last data stored had arrived."""
    first_tile_cycles: int = 0
    """The rest of the wait for the first tile: nothing hides it."""
    operands_cycles: int = 0
    """A later tile wasn't there: its own bytes take longer than the work on those before."""
    output_buffer_cycles: int = 0
    """The tile was there, and the output buffer still full of results on their way out."""
    last_tile_cycles: int = 0
    """After the last work: storing what was left."""
    dram_row_cycles: int = 0
    dram_turnaround_cycles: int = 0
    refresh_cycles: int = 0
    dram_busy_cycles: int = 0
    """A transfer that the unit waited for was ready, and DRAM served other operations."""
    revisit_cycles: int = 0
    """The array came back to a fold, as tiles cut what streams through it."""
    buffer_port_cycles: int = 0
    """Work held up by the port of an on-chip buffer."""
    conversion_cycles: int = 0
    """Work held up by lanes that convert results, or apply fused operations to them, as these drain."""
    levels: tuple[tuple[str, int], ...] = ()
    """For each level between DRAM and the operand buffers, its name and the cycles for which it was waited."""

    @classmethod
    def of(cls, cycles: list[int], planned: tuple[int, int, int], levels: Sequence[str] = ()) -> StallCycles:
        """From a list of cycles by cause, what is ``planned`` (revisits, port, conversion), and the levels' names."""
        revisit_cycles, buffer_port_cycles, conversion_cycles = planned
        return cls(
            dram_latency_cycles=cycles[Cause.DRAM_LATENCY],
            first_tile_cycles=cycles[Cause.FIRST_TILE],
            operands_cycles=cycles[Cause.OPERANDS],
            output_buffer_cycles=cycles[Cause.OUTPUT_BUFFER],
            last_tile_cycles=cycles[Cause.LAST_TILE],
            dram_row_cycles=cycles[Cause.DRAM_ROW],
            dram_turnaround_cycles=cycles[Cause.DRAM_TURNAROUND],
            refresh_cycles=cycles[Cause.REFRESH],
            dram_busy_cycles=cycles[Cause.DRAM_BUSY],
            revisit_cycles=revisit_cycles,
            buffer_port_cycles=buffer_port_cycles,
            conversion_cycles=conversion_cycles,
            levels=tuple(zip(levels, cycles[len(Cause) :], strict=False)),
        )

    @property
    def by_cause(self) -> dict[str, int]:
        """Cycles of each cause by its name."""
        named = {name: cycles for name, cycles in vars(self).items() if name != "levels"}
        return named | {f"level_{name}_cycles": cycles for name, cycles in self.levels}

    @property
    def total(self) -> int:
        return sum(self.by_cause.values())
