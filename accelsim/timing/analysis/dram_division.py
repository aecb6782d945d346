"""A division of every operation's DRAM bytes over time that DRAM could have served.

A simulation knows how many bytes an operation moved between its first fetch and its end, and not when: it skips what
repeats itself. Spread evenly, the bytes of operations side by side may exceed what DRAM has, as one of them waits while
another one is served. So bytes are spread evenly over an operation's time as far as DRAM can, and by earliest deadline
first among those operations for which it can't. One of these divisions is the one of the simulation, so that earliest
deadline first finds one; where evenly spread bytes are in its way, they are divided likewise.

Everything is counted in parts of a byte of which DRAM moves a whole number a cycle, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from accelsim.errors import InternalError
from accelsim.timing.timeline import OperationTiming


@dataclass(frozen=True)
class Stretch:
    """Cycles between two events of the schedule: bytes per cycle of all operations, and how many move any."""

    start_cycle: int
    end_cycle: int
    bytes_per_cycle: float
    operations: int


def dram_division(timings: Iterable[OperationTiming], peak_bytes_per_cycle: Fraction) -> list[Stretch]:
    """Stretches from the first fetch to the last end; none moves more than ``peak_bytes_per_cycle``.

    Raises:
        InternalError: no division keeps to the peak.
    """
    windows = [_Window.of(timing, peak_bytes_per_cycle.denominator) for timing in timings if timing.dram_bytes]
    if not windows:
        return []
    division = _Division(windows, peak_bytes_per_cycle.numerator)
    scale = peak_bytes_per_cycle.denominator
    return [
        Stretch(start, end, sum(moved) / (scale * (end - start)), sum(map(bool, moved)))
        for (start, end), moved in zip(division.stretches, division.moved(), strict=True)
    ]


@dataclass(frozen=True)
class _Window:
    start: int
    end: int
    parts: int

    @classmethod
    def of(cls, timing: OperationTiming, parts_per_byte: int) -> _Window:
        return cls(timing.fetch_cycle, timing.end_cycle, timing.dram_bytes * parts_per_byte)

    def even_parts(self, start: int, end: int) -> int:
        """What it moves in these cycles, spread evenly over all of its own."""
        length = self.end - self.start
        return self.parts * (end - self.start) // length - self.parts * (start - self.start) // length


class _Division:
    def __init__(self, windows: Sequence[_Window], parts_per_cycle: int) -> None:
        self._windows = windows
        cycles = sorted({cycle for window in windows for cycle in (window.start, window.end)})
        self.stretches = list(pairwise(cycles))
        self._room = [parts_per_cycle * (end - start) for start, end in self.stretches]
        self._active: list[list[int]] = [[] for _ in self.stretches]
        place = {cycle: index for index, cycle in enumerate(cycles)}
        for index, window in enumerate(windows):
            for stretch in range(place[window.start], place[window.end]):
                self._active[stretch].append(index)
        self._even = set(range(len(windows)))

    def moved(self) -> list[list[int]]:
        """Parts that each operation at work moves, stretch by stretch."""
        while True:
            even = [self._even_parts(stretch) for stretch in range(len(self.stretches))]
            room = [room - sum(parts.values()) for room, parts in zip(self._room, even, strict=True)]
            crowded = [stretch for stretch, left in enumerate(room) if left < 0]
            if not crowded:
                urgent, late = self._earliest_deadline_first(room)
                if not late:
                    return [[*spread.values(), *first] for spread, first in zip(even, urgent, strict=True)]
                crowded = self._around(late)
            self._even.difference_update(*(self._active[stretch] for stretch in crowded))

    def _even_parts(self, stretch: int) -> dict[int, int]:
        start, end = self.stretches[stretch]
        active = (index for index in self._active[stretch] if index in self._even)
        return {index: self._windows[index].even_parts(start, end) for index in active}

    def _earliest_deadline_first(self, room: Sequence[int]) -> tuple[list[list[int]], set[int]]:
        """Parts of the other operations in the room left, and those that ended with some of theirs not moved."""
        left = {i: window.parts for i, window in enumerate(self._windows) if i not in self._even}
        moved, late = [], set()
        for (_, end), free, active in zip(self.stretches, room, self._active, strict=True):
            parts: list[int] = []
            for index in sorted((i for i in active if i in left), key=lambda i: (self._windows[i].end, i)):
                parts.append(min(free - sum(parts), left[index]))
                left[index] -= parts[-1]
                if left[index] and self._windows[index].end == end:
                    late.add(index)
            moved.append(parts)
        return moved, late

    def _around(self, late: set[int]) -> list[int]:
        """Stretches of the late operations, or of all that they meet, in which some are still spread evenly."""
        reached = set(late)
        while True:
            found = [i for i, active in enumerate(self._active) if not reached.isdisjoint(active)]
            if any(index in self._even for stretch in found for index in self._active[stretch]):
                return found
            wider = reached.union(*(self._active[stretch] for stretch in found))
            if wider == reached:
                raise InternalError("operations moved more than DRAM can")
            reached = wider
