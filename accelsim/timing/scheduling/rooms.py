"""Room on chip: what must have ended before an operation may put a resident tensor down.

Residency is decided in some order of operations, while they run when their units are free: a weight-gradient product
may come long after its turn, and holds the tensors that it reads until then. So an operation waits until enough of what
was to be given back before it, in that order, is given back by all its readers. With that no place ever holds more than
it has room for: of the operations that have begun, the last in that order counted all tensors put down up to its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from accelsim.program import Program
from accelsim.timing.placement.lifetimes import Lifetimes
from accelsim.timing.placement.residency import Residency

Order = Sequence[tuple[int, ...]]


class Waits(NamedTuple):
    """What each operation waits for: what it needs, and what has room to give back."""

    needed: Order
    rooms: Sequence[frozenset[int]]


NO_ROOM = frozenset[int]()
"""What operations wait for that wait for no room: most of them."""


def waits_for_room(program: Program, residency: Residency, order: Order) -> list[frozenset[int]]:
    """For each operation, those that must end before it starts for room's sake, beyond what ``order`` implies."""
    waits = defaultdict[int, set[int]](set)
    lives = residency.lifetimes(program)
    for place, room_bytes in enumerate(residency.room_bytes):
        kept = residency.kept_in(place)
        if kept:
            _wait(program, lives, kept, room_bytes, order, waits)
    return [frozenset(waits[each]) if each in waits else NO_ROOM for each in range(len(order))]


def _wait(
    program: Program, lives: Lifetimes, kept: frozenset[int], room_bytes: int, order: Order, waits: dict[int, set[int]]
) -> None:
    """Add the waits for one place, of ``room_bytes``, and the tensors that it keeps."""
    given_back = sorted(kept, key=lambda index: (lives.spent[index], index))
    sizes = {index: program.tensors[index].bytes for index in given_back}
    free_bytes = [0, *accumulate(sizes.values())]
    put_down_bytes = 0
    # How many of those given back are so, for certain, once an operation starts: it follows others that waited.
    certain = [0] * len(order)
    certain_of = certain.__getitem__
    for operation in lives.turns:
        needed = order[operation]
        known = max(map(certain_of, needed)) if needed else 0
        made_bytes = sum([sizes[index] for index in lives.made[operation] if index in sizes])
        if made_bytes:
            put_down_bytes += made_bytes
            count = bisect_left(free_bytes, put_down_bytes - room_bytes)
            for index in given_back[known:count]:
                waits[operation].update(lives.readers[index])
            known = max(known, count)
        certain[operation] = known
