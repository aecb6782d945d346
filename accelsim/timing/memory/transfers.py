"""What moving a tile costs: DRAM's time on its channel, then what the slowest level needs beyond that.

A transfer is pipelined through all that it passes, so it takes as long as the slowest. DRAM is the channel that all
operations share; of a level each operation has the whole bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from accelsim.hardware import Level
from accelsim.timing.memory.dram_model import TransferCost
from accelsim.timing.memory.levels import DRAM, Moved, load_accesses, passing_cycles, store_accesses


class Move(NamedTuple):
    """Cycles of one transfer, as ``StepField`` orders them."""

    stream_cycles: int
    """On the DRAM channel; 0 where DRAM has no part in it."""
    turnaround_cycles: int
    row_cycles: int
    """Of the stream."""
    refresh_cycles: int
    """Of the stream."""
    lag_cycles: int
    """After that, off the channel: what the slowest level needs more than DRAM."""
    level: int
    """That level, counted from 0; 0 where nothing lags."""

    @property
    def cycles(self) -> int:
        """All but turnaround."""
        return self.stream_cycles + self.lag_cycles


class Transfers:
    """Costs on one machine: ``dram_cost(size_bytes, write)``, and its levels from DRAM inwards."""

    def __init__(self, dram_cost: Callable[[int, bool], TransferCost], levels: Sequence[Level] = ()) -> None:
        self._dram_cost = dram_cost
        self._levels = levels
        self._known: dict[tuple[Moved, bool], Move] = {}

    def move(self, bytes_moved: Moved, write: bool) -> Move:
        """The cost of one tile's load, or of one result's store."""
        key = bytes_moved, write
        if key not in self._known:
            self._known[key] = self._move(bytes_moved, write)
        return self._known[key]

    def _move(self, bytes_moved: Moved, write: bool) -> Move:
        stream = turnaround = row = refresh = 0
        if bytes_moved[DRAM]:
            cost = self._dram_cost(bytes_moved[DRAM], write)
            stream, turnaround = cost.stream_cycles, cost.turnaround_cycles
            row, refresh = cost.row_cycles, cost.refresh_cycles
        accesses = store_accesses(bytes_moved) if write else load_accesses(bytes_moved)
        cycles = [passing_cycles(*pair) for pair in zip(accesses, self._levels, strict=False)]
        slowest = max(range(len(cycles)), key=cycles.__getitem__, default=0)
        lag = max(0, cycles[slowest] - stream) if cycles else 0
        return Move(stream, turnaround, row, refresh, lag, slowest if lag else 0)
