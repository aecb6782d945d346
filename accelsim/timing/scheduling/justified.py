"""An order of service from a schedule that is known: the later an operation could have started, the later it is served.

The known schedule is pushed to its end: from the last operation that ends backwards, each is put on its unit as late as
those that wait for it, and those put there before, allow. Served in the order of these late starts, DRAM fetches first
what the step hangs on, and units leave out many idle cycles (double justification: Valls, Ballestin and Quintanilla,
Eur. J. Oper. Res. 165, 2005).
"""

from __future__ import annotations

import numpy as np

from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.rows import Rows

NEVER = 1 << 62
"""Cycles before the end from which a server is taken that there isn't."""


def justified(units: Integers, later: Rows, starts: Integers, ends: Integers, servers: Integers) -> list[int]:
    """Ranks of the operations, from 0, by their late starts; of equals, the one that started first.

    Arguments are those of ``late_starts``.
    """
    late = late_starts(units, later, starts, ends, servers)
    ranks = np.empty_like(late)
    ranks[np.lexsort((ends, starts, late))] = np.arange(late.size)
    return list(ranks.tolist())


def late_starts(units: Integers, later: Rows, starts: Integers, ends: Integers, servers: Integers) -> Integers:
    """When each operation starts in the schedule that is pushed to the end of the known one.

    Each lasts as long as it did, from ``starts`` to ``ends``. One that takes no time needs no unit. ``units``: the
    number of each operation's unit; ``later``: what waits for each operation; ``servers``: how many each unit has.
    """
    end = int(ends.max(initial=0))
    taken = np.where(np.arange(servers.max(initial=1)) < servers[:, None], 0, NEVER)
    late, from_the_last = np.empty_like(ends), np.lexsort((starts, ends))[::-1]
    _push_to_end(from_the_last, units, later.first, later.flat, starts, ends, end, taken, late)
    return late


@compiled
def _push_to_end(
    turns: Integers,
    units: Integers,
    first: Integers,
    later: Integers,
    starts: Integers,
    ends: Integers,
    end: int,
    taken: Integers,
    late: Integers,
) -> None:
    """``taken``: of each unit's servers, the cycles from where it is taken to the end."""
    for index in turns:
        latest, cycles = end, ends[index] - starts[index]
        for at in range(first[index], first[index + 1]):
            latest = min(latest, late[later[at]])
        if cycles:
            unit, server = units[index], 0
            for other in range(1, taken.shape[1]):
                if taken[unit, other] < taken[unit, server]:
                    server = other
            latest = min(latest, end - taken[unit, server]) - cycles
            taken[unit, server] = end - latest
        late[index] = latest
