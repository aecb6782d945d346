"""Room on chip: what must have ended before an operation may put a resident tensor down.

Residency is decided in some order of operations, while they run when their units are free: a weight-gradient product
may come long after its turn, and holds the tensors that it reads until then. So an operation waits until enough of what
was to be given back before it, in that order, is given back by all its readers. With that no place ever holds more than
it has room for: of the operations that have begun, the last in that order counted all tensors put down up to its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.program import Program
from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.placement.lifetimes import Lifetimes
from accelsim.timing.placement.residency import Residency
from accelsim.timing.rows import Rows

Order = Sequence[tuple[int, ...]]


class Waits(NamedTuple):
    """What each operation waits for: what it needs, and what has room to give back."""

    needed: Order
    rooms: Sequence[frozenset[int]]


NO_ROOM = frozenset[int]()
"""What operations wait for that wait for no room: most of them."""


def waits_for_room(program: Program, residency: Residency, order: Rows) -> list[frozenset[int]]:
    """For each operation, those that must end before it starts for room's sake, beyond what ``order`` implies."""
    waits = defaultdict[int, set[int]](set)
    lives = residency.lifetimes(program)
    for place, room_bytes in enumerate(residency.room_bytes):
        kept = residency.kept_in(place)
        if kept:
            _wait(lives, kept, room_bytes, order, waits)
    return [frozenset(waits[each]) if each in waits else NO_ROOM for each in range(len(order.first) - 1)]


def _wait(lives: Lifetimes, kept: frozenset[int], room_bytes: int, order: Rows, waits: dict[int, set[int]]) -> None:
    """Add the waits for one place, of ``room_bytes``, and the tensors that it keeps."""
    given_back = sorted(kept, key=lambda index: (lives.spent[index], index))
    sizes = np.zeros_like(lives.sizes)
    sizes[given_back] = lives.sizes[given_back]
    free_bytes = np.concatenate([[0], np.cumsum(sizes[given_back])])
    made_bytes = lives.made_rows.sums(sizes)
    spans = np.zeros((3, made_bytes.size), np.int64)
    _follow(np.array(lives.turns), order.first, order.flat, made_bytes, free_bytes, room_bytes, *spans)
    _, first, after = spans
    for operation in np.flatnonzero(first < after).tolist():
        for index in given_back[first[operation] : after[operation]]:
            waits[operation].update(lives.readers[index])


@compiled
def _follow(
    turns: Integers,
    first_needed: Integers,
    needed: Integers,
    made_bytes: Integers,
    free_bytes: Integers,
    room_bytes: int,
    certain: Integers,
    first: Integers,
    after: Integers,
) -> None:
    """Which of those given back, from the ``first`` up to ``after``, each operation must wait for.

    ``certain``: how many of them are given back, for certain, once an operation starts: it follows others that waited.
    """
    put_down_bytes, count = 0, 0
    for operation in turns:
        known = 0
        for at in range(first_needed[operation], first_needed[operation + 1]):
            known = max(known, certain[needed[at]])
        if made_bytes[operation]:
            put_down_bytes += made_bytes[operation]
            while count < len(free_bytes) and free_bytes[count] < put_down_bytes - room_bytes:
                count += 1
            if count > known:
                first[operation], after[operation], known = known, count, count
        certain[operation] = known
