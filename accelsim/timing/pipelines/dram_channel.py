"""The shared DRAM channel as a SimPy resource."""

from __future__ import annotations

import heapq
from collections.abc import Generator

import simpy

from accelsim.timing.pipelines.cycle import Turn, settled

Steps = Generator[simpy.Event, None, None]
"""A SimPy process body."""


class DramChannel:
    """Serves one transfer at a time, whole: of those that wait, the one of highest priority (lowest number) first.

    Several channels of a hwconfig are one here, as every transfer is striped over them. ``ahead``: it turns round for
    the next transfer as soon as it's free, as where one pipeline has it to itself, whose order is fixed.
    """

    def __init__(self, environment: simpy.Environment, *, ahead: bool = False) -> None:
        self._environment = environment
        self._waiting: list[tuple[int, simpy.Event]] = []
        self._wrote: bool | None = None
        self._busy = False
        self._asked = False
        self._ahead = ahead
        self._free_since = 0

    def transfer(
        self, cycles: int, turnaround_cycles: int, *, write: bool, priority: int
    ) -> Generator[simpy.Event, None, tuple[int, int]]:
        """Move one tile in ``cycles``, and ``turnaround_cycles`` where the transfer before went the other way.

        Returns the cycles of turnaround that it paid, and those that it waited for the channel.
        """
        granted, asked = self._environment.event(), self._environment.now
        heapq.heappush(self._waiting, (priority, granted))
        self._ask()
        yield granted
        waited = int(self._environment.now - asked)
        paid = turnaround_cycles if self._wrote is not None and self._wrote != write else 0
        if self._ahead:
            paid = max(0, paid - int(self._environment.now - self._free_since))
        self._wrote = write
        yield self._environment.timeout(cycles + paid)
        self._busy, self._free_since = False, int(self._environment.now)
        self._ask()
        return paid, waited

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            settled(self._environment, Turn.CHANNEL, self._grant)

    def _grant(self) -> None:
        self._asked = False
        if self._waiting and not self._busy:
            self._busy = True
            heapq.heappop(self._waiting)[1].succeed()
