"""The result of a timing simulation."""

from __future__ import annotations

from dataclasses import dataclass, field

from accelsim.timing.memory.sram import SramTraffic
from accelsim.timing.pipelines.stalls import StallCycles
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import TileChoice
from accelsim.timing.scheduling.rooms import Waits


@dataclass(frozen=True)
class OperationTiming:
    """When one operation ran and what it moved.

    It held its unit from ``start_cycle`` to ``end_cycle``, of which ``compute_cycles`` were work; the rest are
    ``stalls``, by cause: ``lead_in_cycles`` of them before the first work, ``lead_out_cycles`` after the last. Before
    that, one after the other: ``dependency_cycles``, all earlier operations of its unit had ended, and what it needs
    had not; ``room_cycles``, that had ended, and its results had no room on chip; ``wait_cycles``, ready, but the unit
    was busy. It fetched from the start on, or, ahead of that, for ``prefetch_cycles`` before. ``tiles``: how each
    product was cut; ``pieces``: steps of its pipeline, each with a tile of everything that it reads.
    """

    index: int
    start_cycle: int
    end_cycle: int
    compute_cycles: int
    wait_cycles: int
    dram_read_bytes: int
    dram_write_bytes: int
    sram: SramTraffic
    dependency_cycles: int = 0
    room_cycles: int = 0
    prefetch_cycles: int = 0
    lead_in_cycles: int = 0
    lead_out_cycles: int = 0
    stalls: StallCycles = field(default_factory=StallCycles)
    tiles: tuple[TileChoice, ...] = ()
    pieces: int = 0

    @property
    def fetch_cycle(self) -> int:
        """When it began to fetch."""
        return self.start_cycle - self.prefetch_cycles

    @property
    def busy_cycles(self) -> int:
        """Work, and what revisits, buffer ports and lanes in the drain add to it: what nothing else could spare it."""
        stalls = self.stalls
        return self.compute_cycles + stalls.revisit_cycles + stalls.buffer_port_cycles + stalls.conversion_cycles

    @property
    def stall_cycles(self) -> int:
        """Cycles in which the unit was held and waited for DRAM or for a buffer port."""
        return self.end_cycle - self.start_cycle - self.compute_cycles

    @property
    def dram_bytes(self) -> int:
        """In both directions."""
        return self.dram_read_bytes + self.dram_write_bytes

    @property
    def sram_read_bytes(self) -> int:
        return self.sram.read_bytes

    @property
    def sram_write_bytes(self) -> int:
        return self.sram.write_bytes


@dataclass(frozen=True)
class Timeline:
    """One simulated training step: operations in issue order, and where the tensors lived.

    ``products_at_once``: arrays that products were given to side by side; further ones stayed idle. ``ranks``: of each
    operation, from 0, how soon units and DRAM served it among those that waited. ``tiling``: how tiles were found.
    ``waits``: what operations waited for, where that is at hand.
    """

    operations: list[OperationTiming] = field(default_factory=list)
    residency: Residency = field(default_factory=lambda: Residency(frozenset()))
    products_at_once: int = 1
    ranks: tuple[int, ...] = ()
    tiling: str = "rule"
    waits: Waits | None = field(default=None, compare=False, repr=False)

    @property
    def total_cycles(self) -> int:
        return max((timing.end_cycle for timing in self.operations), default=0)

    @property
    def dram_bytes(self) -> int:
        return sum(timing.dram_bytes for timing in self.operations)

    def seconds(self, clock_mhz: float) -> float:
        """Duration of the step."""
        return self.total_cycles / (clock_mhz * 1e6)
