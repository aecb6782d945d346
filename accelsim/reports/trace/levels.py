"""Quantities that change from cycle to cycle, as steps: DRAM load and bytes kept on chip."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from accelsim.program import Program
from accelsim.timing import Timeline

MOST_LEVELS = 4_000
"""A quantity that changes more often is folded into this many equal stretches of time."""


@dataclass(frozen=True)
class Level:
    """A stretch of cycles with one value; ``operations`` is how many of them make it up."""

    start_cycle: float
    end_cycle: float
    value: float
    operations: int


Join = Callable[[list[Level], float, float], float]
"""One value for a stretch from its levels, its start and its end."""


def dram_levels(timeline: Timeline, most: int = MOST_LEVELS) -> list[Level]:
    """Bytes per cycle to and from DRAM, each operation's bytes spread evenly over its time; folded: the mean."""
    parts = []
    for timing in timeline.operations:
        moved = timing.dram_read_bytes + timing.dram_write_bytes
        if moved:
            rate = moved / (timing.end_cycle - timing.start_cycle)
            parts.append((timing.start_cycle, timing.end_cycle, rate))
    return _folded(_levels(parts), most, _mean)


def resident_levels(program: Program, timeline: Timeline, most: int = MOST_LEVELS) -> list[Level]:
    """Bytes of the tensors kept on chip, from their producer's start to their last reader's end; folded: the most."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for operation in program.operations:
        timing = timeline.operations[operation.index]
        for index in operation.outputs:
            starts.setdefault(index, timing.start_cycle)
        for index in (*operation.inputs, *operation.outputs):
            ends[index] = max(ends.get(index, 0), timing.end_cycle)
    kept = sorted(timeline.residency.on_chip)
    return _folded(_levels((starts[i], ends[i], program.tensors[i].bytes) for i in kept), most, _largest)


def _levels(parts: Iterable[tuple[int, int, float]]) -> list[Level]:
    """The sum of the parts over time, from cycle to cycle in which it changes."""
    changes: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for start, end, value in parts:
        changes[start].append((value, 1))
        changes[end].append((-value, -1))
    cycles = sorted(changes)
    found, value, count = [], 0.0, 0
    for start, end in pairwise(cycles):
        value += sum(change for change, _ in changes[start])
        count += sum(number for _, number in changes[start])
        value = value if count else 0.0  # what rounding leaves of a sum of rates
        found.append(Level(start, end, value, count))
    return found


def _folded(levels: list[Level], most: int, join: Join) -> list[Level]:
    """At most ``most`` levels: those given, or equal stretches of their time."""
    if len(levels) <= most:
        return levels
    edges = np.linspace(levels[0].start_cycle, levels[-1].end_cycle, most + 1).tolist()
    starts = [level.start_cycle for level in levels]
    found = []
    for start, end in pairwise(edges):
        inside = levels[bisect_right(starts, start) - 1 : bisect_left(starts, end)]
        found.append(Level(start, end, join(inside, start, end), max(level.operations for level in inside)))
    return found


def _mean(levels: list[Level], start: float, end: float) -> float:
    parts = (level.value * (min(end, level.end_cycle) - max(start, level.start_cycle)) for level in levels)
    return sum(parts) / (end - start)


def _largest(levels: list[Level], start: float, end: float) -> float:
    return max(level.value for level in levels)
