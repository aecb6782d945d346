"""Which of the tensors that might stay in a place of limited room do: rules, none of which is best everywhere.

Each rule fills the place ahead, over the whole step, as a compiler would. A tensor that stays saves its one write and
the read of every reader. Time is counted in turns, one for each operation, or in cycles of a schedule that is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from enum import Enum
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from accelsim.program import Program
from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.placement.lifetimes import Lifetimes


class Rule(Enum):
    """How tensors are chosen."""

    LAST_NEEDED = "last_needed"
    """In order of operations; where they exceed the room, the one whose last use is furthest ahead is given up."""
    TRAFFIC = "traffic"
    """First those that save most traffic for the time that they are there."""
    WAITING = "waiting"
    """First those that spare most waiting for DRAM (``spared.py``) for the time that they are there."""
    WAITING_BY_ROOM = "waiting_by_room"
    """First those that spare most waiting for DRAM for the room that they take, times the time."""

    @property
    def ways(self) -> tuple[bool, ...]:
        """Whether time may be counted in cycles; the first rule counts none."""
        return (False,) if self is Rule.LAST_NEEDED else (False, True)


def kept(
    rule: Rule,
    program: Program,
    lives: Lifetimes,
    candidates: Set[int],
    room_bytes: int,
    *,
    in_cycles: bool = False,
    spared: Sequence[float] = (),
) -> set[int]:
    """Those of the candidates that stay in a place from their making to their last use.

    ``in_cycles``: whether rules by worth count the cycles from one to the other, and not the turns. ``spared``: cycles
    that each tensor spares the step.
    """
    if rule is Rule.LAST_NEEDED:
        return _but_for_last_needed(program, lives, candidates, room_bytes)
    if (rule, in_cycles) not in lives.orders:
        lives.orders[rule, in_cycles] = by_worth(rule, lives, in_cycles, spared)
    ordered = lives.orders[rule, in_cycles]
    return filled(lives, (index for index in ordered if index in candidates), room_bytes)


def by_worth(rule: Rule, lives: Lifetimes, in_cycles: bool, spared: Sequence[float]) -> Sequence[int]:
    """All tensors, those worth most first; of equals, in their order."""
    indices, spans = lives.span_table
    first, after = spans.T
    sizes = lives.sizes[indices].astype(np.float64)
    cycles = np.array(lives.cycles)
    time = (np.maximum(1, cycles[after] - cycles[first]) if in_cycles else after - first).astype(np.float64)
    if rule is Rule.TRAFFIC:
        saved = sizes * [1 + len(lives.readers[index]) for index in indices.tolist()]
    else:
        saved = np.array(spared, np.float64)[indices]
    taken = time * np.maximum(1, sizes) if rule is Rule.WAITING_BY_ROOM else time
    return list(indices[np.lexsort((indices, -saved / taken))].tolist())


def filled(lives: Lifetimes, ordered: Iterable[int], room_bytes: int, *, closes: bool = False) -> set[int]:
    """In this order, each where there is room from its making to its last use.

    ``closes``: where there isn't, no other one that comes later, and is there at the same time, stays either.
    """
    indices = np.array(list(ordered), np.int64)
    if not indices.size:
        return set()
    spans = np.array([lives.spans[index] for index in indices.tolist()], np.int64)
    staying = np.zeros(indices.size, np.bool_)
    _fill(np.zeros(len(lives.turns), np.int64), lives.sizes[indices], spans, room_bytes, closes, staying)
    return set(indices[staying].tolist())


@compiled
def _fill(
    taken: Integers, sizes: Integers, spans: Integers, room_bytes: int, closes: bool, staying: npt.NDArray[np.bool_]
) -> None:
    """``taken``: bytes in each turn."""
    for i in range(len(sizes)):
        most = 0
        for turn in range(spans[i, 0], spans[i, 1]):
            most = max(most, taken[turn])
        staying[i] = most + sizes[i] <= room_bytes
        for turn in range(spans[i, 0], spans[i, 1]):
            if staying[i]:
                taken[turn] += sizes[i]
            elif closes:
                taken[turn] = room_bytes + 1


def _but_for_last_needed(program: Program, lives: Lifetimes, candidates: Set[int], room_bytes: int) -> set[int]:
    resident, resident_bytes, staying = set[int](), 0, set[int]()
    spent, tensors = lives.spent, program.tensors
    # The one whose last use lies furthest ahead first, and some that have left; and by the turn of the last use.
    furthest: list[tuple[int, int]] = []
    leaving: dict[int, list[int]] = defaultdict(list)
    for turn, operation in enumerate(lives.turns):
        for index in lives.made[operation]:
            if index in candidates:
                staying.add(index)
                if index not in resident:
                    resident.add(index)
                    resident_bytes += tensors[index].bytes
                    heappush(furthest, (-spent[index], -index))
                    leaving[max(turn, spent[index])].append(index)
        while resident_bytes > room_bytes:
            given_up = -heappop(furthest)[1]
            if given_up in resident:
                resident.remove(given_up)
                resident_bytes -= tensors[given_up].bytes
                staying.remove(given_up)
        for index in leaving.pop(turn, ()):
            if index in resident:
                resident.remove(index)
                resident_bytes -= tensors[index].bytes
    return staying
