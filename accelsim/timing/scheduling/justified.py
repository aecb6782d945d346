"""An order of service from a schedule that is known: the later an operation could have started, the later it is served.

The known schedule is pushed to its end: from the last operation that ends backwards, each is put on its unit as late as
those that wait for it, and those put there before, allow. Served in the order of these late starts, DRAM fetches first
what the step hangs on, and units leave out many idle cycles (double justification: Valls, Ballestin and Quintanilla,
Eur. J. Oper. Res. 165, 2005).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from accelsim.program import Operation, Unit

Cycles = Sequence[tuple[int, int]]
"""(start, end) of each operation in a schedule."""


def justified(
    operations: Sequence[Operation], later: Sequence[Sequence[int]], cycles: Cycles, arrays: int
) -> list[int]:
    """Ranks of the operations, from 0, by their late starts; of equals, the one that started first.

    ``later``: what waits for each operation (``ordering.successors``).
    """
    late = late_starts(operations, later, cycles, arrays)
    ranks = [0] * len(operations)
    for rank, (_, _, index) in enumerate(sorted(zip(late, cycles, range(len(operations)), strict=True))):
        ranks[index] = rank
    return ranks


def late_starts(
    operations: Sequence[Operation], later: Sequence[Sequence[int]], cycles: Cycles, arrays: int
) -> list[int]:
    """When each operation starts in the schedule that is pushed to the end of the known one.

    Each lasts as long as it did. One that takes no time needs no unit.
    """
    end = max((ended for _, ended in cycles), default=0)
    # Of each server, the cycles from where it is taken to the end, so that the one taken latest comes first in a heap.
    taken = {unit: [0] * (arrays if unit is Unit.MAC_ARRAY else 1) for unit in Unit}
    late = [end] * len(operations)
    each = ((ended, started, index) for index, (started, ended) in enumerate(cycles))
    for ended, started, index in sorted(each, reverse=True):
        latest = min([late[waiting] for waiting in later[index]], default=end)
        if ended > started:
            servers = taken[operations[index].unit]
            latest = min(latest, end - servers[0]) - (ended - started)
            heapq.heapreplace(servers, end - latest)
        late[index] = latest
    return late
