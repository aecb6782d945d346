"""When the operations of a step held their units: what a schedule finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.timing.pipelines.loops import Integers


@dataclass(frozen=True)
class Held:
    """Of each operation: when what it waited for had ended, when it began to fetch, when it held its unit.

    ``stalled``: stall cycles where there are any, as the shape of a table with a row for each operation, places in it,
    and the cycles there. Searches know many schedules, and most operations stall for one cause or two.
    """

    ready_cycles: Integers
    fetch_cycles: Integers
    start_cycles: Integers
    end_cycles: Integers
    stalled: tuple[tuple[int, ...], npt.NDArray[np.int32], Integers]

    @classmethod
    def of(cls, ready: Integers, fetch: Integers, start: Integers, end: Integers, stalls: Integers) -> Held:
        """``stalls``: the whole table. Nothing of what is given is held on to."""
        places = np.flatnonzero(stalls).astype(np.int32)
        stalled = stalls.shape, places, stalls.reshape(-1)[places]
        return cls(ready.copy(), fetch.copy(), start.copy(), end.copy(), stalled)

    @property
    def stalls(self) -> Integers:
        """A row of stall cycles for each."""
        shape, places, cycles = self.stalled
        table = np.zeros(shape, np.int64)
        table.reshape(-1)[places] = cycles
        return table
