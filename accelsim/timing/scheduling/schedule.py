"""Units and dependencies as SimPy processes: when each operation of a Program starts and ends.

It is what the timing model means; ``fast_schedule`` gives the same results in fewer steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Sequence

import numpy as np
import simpy

from accelsim.program import Operation, Unit
from accelsim.timing.pipelines.cycle import Turn, callbacks, settled
from accelsim.timing.pipelines.running import Pipelines, Running
from accelsim.timing.pipelines.stalls import COUNTS
from accelsim.timing.plan import OperationPlan
from accelsim.timing.scheduling.held import Held
from accelsim.timing.scheduling.least_left import LeastLeft
from accelsim.timing.scheduling.ordering import successors

NO_STALLS = [0] * COUNTS


class Schedule:
    """Starts every operation once what ``order`` says has ended and its unit is free: ``arrays`` or one of the others.

    A unit goes to the waiting operation whose number in ``ranks`` is lowest. With ``prefetch``, that operation is
    chosen as soon as the one before it has room for a tile of the next.

    ``before``: cycle that the step must end before to be of use; None where it is in any case.
    """

    def __init__(
        self,
        environment: simpy.Environment,
        operations: Sequence[Operation],
        order: list[tuple[int, ...]],
        plans: Sequence[OperationPlan],
        ranks: Sequence[int],
        starts: Sequence[int | None],
        pipelines: Pipelines,
        least_left: LeastLeft,
        *,
        arrays: int,
        prefetch: bool,
        ended: Callable[[int], None],
        before: int | None,
    ) -> None:
        self._environment = environment
        self._operations = operations
        self._plans = plans
        self._ranks = ranks
        self._starts = starts
        self._pipelines = pipelines
        self._told = ended
        self._successors = successors(order)
        self._missing = [len(needed) for needed in order]
        self._ready = [0] * len(order)
        self._free = {**dict.fromkeys(Unit, 1), Unit.MAC_ARRAY: arrays}
        self.least_free = dict(self._free)
        self._waiting: dict[Unit, list[tuple[int, int]]] = {unit: [] for unit in Unit}
        self._prefetch = prefetch
        self._fetching: dict[Unit, list[tuple[int, int]]] = {unit: [] for unit in Unit}
        self._tails = dict.fromkeys(Unit, 0)
        self._running: dict[int, Running] = {}
        self._prefetched: dict[int, int] = {}
        self._asked = False
        self._held: dict[int, tuple[int, int, int, int]] = {}
        self._stalls: dict[int, list[int]] = {}
        self._least_left = least_left
        self._before = before
        self._over = environment.event()

    def run(self) -> Held | None:
        """Run to the end of the step.

        None where the step doesn't end before the cycle ``before``: it is given up once that is certain.
        """
        for index, missing in enumerate(list(self._missing)):
            if not missing:
                self._enqueue(index)
        if self._operations and not self._over.triggered:
            self._environment.run(self._over)
        if len(self._held) < len(self._operations) or self._is_late():
            return None
        count = len(self._operations)
        cycles = np.array([self._held[index] for index in range(count)], np.int64).reshape(-1, 4)
        stalls = np.array([self._stalls[index] for index in range(count)], np.int64).reshape(-1, COUNTS)
        return Held.of(cycles[:, 0], cycles[:, 1], cycles[:, 2], cycles[:, 3], stalls)

    @property
    def _now(self) -> int:
        return int(self._environment.now)

    def _enqueue(self, index: int) -> None:
        """Queue an operation at its unit, now that all it depends on has ended; one that does nothing ends at once."""
        self._ready[index] = self._now
        if not self._plans[index].steps.body:
            self._finish(index, self._now, NO_STALLS)
            return
        operation = self._operations[index]
        heapq.heappush(self._waiting[operation.unit], (self._ranks[index], index))
        self._ask()

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            settled(self._environment, Turn.UNITS, self._grant)

    def _grant(self) -> None:
        self._asked = False
        for unit, waiting in self._waiting.items():
            fetching = self._fetching[unit]
            while self._free[unit] and (fetching or waiting):
                self._free[unit] -= 1
                self.least_free[unit] = min(self.least_free[unit], self._free[unit])
                index = heapq.heappop(fetching or waiting)[1]
                self._environment.process(self._operate(index))
            while self._prefetch and waiting and len(fetching) < self._tails[unit]:
                index = waiting[0][1]
                if (start_at := self._starts[index]) is None:
                    break
                self._least_left.begin(index, self._now)
                self._prefetched[index] = self._now
                self._running[index] = self._pipelines.start(start_at, self._ranks[index], held_back=True)
                heapq.heappush(fetching, heapq.heappop(waiting))

    def _operate(self, index: int) -> Generator[simpy.Event, list[int], None]:
        start, unit = self._now, self._operations[index].unit
        running = self._begin(index)
        if running is None:
            self._tail(unit)
            yield self._environment.timeout(self._plans[index].busy_cycles)
            stalls = NO_STALLS
        else:
            callbacks(running.tailed).append(lambda _: self._tail(unit))
            stalls = yield running.ended
        if running is None or running.tailed.triggered:
            self._tails[unit] -= 1
        self._free[unit] += 1
        self._finish(index, start, stalls)
        if self._waiting[unit] or self._fetching[unit]:
            self._ask()

    def _begin(self, index: int) -> Running | None:
        """Begin an operation, or release one that was held back; None where it moves nothing."""
        if (running := self._running.pop(index, None)) is not None:
            self._pipelines.release(running)
            return running
        self._least_left.begin(index, self._now)
        start_at = self._starts[index]
        if start_at is None:
            return None
        return self._pipelines.start(start_at, self._ranks[index], held_back=False)

    def _tail(self, unit: Unit) -> None:
        """An operation of this unit has room for a tile of the next."""
        self._tails[unit] += 1
        if self._prefetch:
            self._ask()

    def _finish(self, index: int, start: int, stalls: list[int]) -> None:
        self._held[index] = self._ready[index], self._prefetched.get(index, start), start, self._now
        self._stalls[index] = stalls
        self._told(len(self._held))
        if len(self._held) == len(self._operations) or self._is_late():
            self._end()
        for later in self._successors[index]:
            self._missing[later] -= 1
            if not self._missing[later]:
                self._enqueue(later)

    def _is_late(self) -> bool:
        return self._before is not None and self._least_left.least_end(self._now) >= self._before

    def _end(self) -> None:
        if not self._over.triggered:
            self._over.succeed()
