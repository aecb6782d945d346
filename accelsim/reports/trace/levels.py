"""Quantities that change from cycle to cycle, as steps: DRAM load, bytes kept on chip, tiles."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from accelsim.program import Program
from accelsim.timing import Timeline
from accelsim.timing.analysis.dram_division import Stretch
from accelsim.timing.placement.lifetimes import lifetimes

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


def dram_levels(stretches: Iterable[Stretch], most: int = MOST_LEVELS) -> list[Level]:
    """Bytes per cycle to and from DRAM by a division that never exceeds its peak; folded: the mean."""
    levels = [Level(each.start_cycle, each.end_cycle, each.bytes_per_cycle, each.operations) for each in stretches]
    return _folded(levels, most, _mean)


def resident_levels(program: Program, timeline: Timeline, place: int, most: int = MOST_LEVELS) -> list[Level]:
    """Bytes of the tensors kept in the operand buffers (0) or a level, by its number; folded: the most.

    A tensor counts from the start of what puts it down to its last reader's end.
    """
    lives, kept = lifetimes(program, timeline.residency.drained), timeline.residency.kept_in(place)
    parts = []
    for timing, made in zip(timeline.operations, lives.made, strict=True):
        for index in kept.intersection(made):
            end = max(timeline.operations[reader].end_cycle for reader in lives.readers[index])
            parts.append((timing.start_cycle, end, program.tensors[index].bytes))
    return _folded(_levels(parts), most, _largest)


def tile_levels(timeline: Timeline, tile_bytes: Iterable[int], most: int = MOST_LEVELS) -> list[Level]:
    """Bytes of the tiles of operations at work, ``tile_bytes`` of each, from its first fetch on; folded: the most."""
    pairs = zip(timeline.operations, tile_bytes, strict=True)
    parts = ((timing.fetch_cycle, timing.end_cycle, size) for timing, size in pairs if size)
    return _folded(_levels(parts), most, _largest)


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


def _levels(parts: Iterable[tuple[int, int, int]]) -> list[Level]:
    """The sum of the parts over time, from cycle to cycle in which it changes."""
    changes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for start, end, value in parts:
        changes[start].append((value, 1))
        changes[end].append((-value, -1))
    cycles = sorted(changes)
    found, value, count = [], 0, 0
    for start, end in pairwise(cycles):
        value += sum(change for change, _ in changes[start])
        count += sum(number for _, number in changes[start])
        found.append(Level(start, end, value, count))
    return found


def _mean(levels: list[Level], start: float, end: float) -> float:
    parts = (level.value * (min(end, level.end_cycle) - max(start, level.start_cycle)) for level in levels)
    # No mean is above all of its parts, whatever rounding says.
    return min(sum(parts) / (end - start), _largest(levels, start, end))


def _largest(levels: list[Level], start: float, end: float) -> float:
    return max(level.value for level in levels)
