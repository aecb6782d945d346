"""Where data lies, and what its way to the operand buffers and back costs the levels between.

Places are numbered from DRAM inwards: DRAM, then the levels from 1 on. What lies in the operand buffers is used there
and moves nowhere. A tile that is fetched passes every level inside the place that it comes from: it is written to each
and read from each, and only read from the level that it comes from. A result passes the levels on its way out likewise,
and is only written to the level that keeps it.

A level's ports move ``bytes_per_cycle``: what comes in and what goes out at once with separate ports, or into and out
of different banks; in turns where it has one port and one bank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise, zip_longest

from accelsim.hardware import Level
from accelsim.timing.memory.sram import Access

DRAM = 0
IN_BUFFERS = -1
"""Place of what moves nowhere."""
Moved = tuple[int, ...]
"""Bytes by the place that they come from, or go to."""


def moved(place: int, size_bytes: int, levels: int) -> Moved:
    """``size_bytes`` from or to one place, of a machine with so many levels."""
    return tuple(size_bytes if at == place else 0 for at in range(1 + levels))


def added(parts: Iterable[Moved]) -> Moved:
    """Sums by place."""
    return tuple(map(sum, zip_longest(*parts, fillvalue=0)))


def shared(bytes_moved: Moved, share: Callable[[int], int]) -> Moved:
    """A share of what moves, place by place."""
    return tuple(share(part) if part else 0 for part in bytes_moved)


def load_accesses(loads: Moved) -> tuple[Access, ...]:
    """What fetches read from and write to each level."""
    through = list(accumulate(loads))
    return tuple(Access(read_bytes=out, write_bytes=come) for come, out in pairwise(through))


def store_accesses(stores: Moved) -> tuple[Access, ...]:
    """What results on their way out read from and write to each level."""
    through = list(accumulate(stores))
    return tuple(Access(read_bytes=out, write_bytes=come) for out, come in pairwise(through))


def level_accesses(loads: Moved, stores: Moved) -> tuple[Access, ...]:
    """All that a level sees, level by level."""
    return tuple(a + b for a, b in zip(load_accesses(loads), store_accesses(stores), strict=True))


def passing_cycles(access: Access, level: Level) -> int:
    """Cycles that a level needs for data that passes through it."""
    passing = access.bytes if level.fills_take_turns else max(access.read_bytes, access.write_bytes)
    return -(-passing // level.bytes_per_cycle)
