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

from accelsim.program import Program
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
        lives.orders[rule, in_cycles] = by_worth(rule, program, lives, in_cycles, spared)
    ordered = lives.orders[rule, in_cycles]
    return filled(program, lives, (index for index in ordered if index in candidates), room_bytes)


def by_worth(rule: Rule, program: Program, lives: Lifetimes, in_cycles: bool, spared: Sequence[float]) -> Sequence[int]:
    """All tensors, those worth most first."""

    def falling(index: int) -> tuple[float, int]:
        first, end = lives.spans[index]
        time = max(1, lives.cycles[end] - lives.cycles[first]) if in_cycles else end - first
        size_bytes, moves = program.tensors[index].bytes, 1 + len(lives.readers[index])
        saved = moves * size_bytes if rule is Rule.TRAFFIC else spared[index]
        taken = time * max(1, size_bytes) if rule is Rule.WAITING_BY_ROOM else time
        return -saved / taken, index

    return sorted(lives.spans, key=falling)


def filled(
    program: Program, lives: Lifetimes, ordered: Iterable[int], room_bytes: int, *, closes: bool = False
) -> set[int]:
    """In this order, each where there is room from its making to its last use.

    ``closes``: where there isn't, no other one that comes later, and is there at the same time, stays either.
    """
    taken, staying = np.zeros(len(lives.turns), np.int64), set[int]()
    for index in ordered:
        size_bytes, (first, end) = program.tensors[index].bytes, lives.spans[index]
        here = taken[first:end]
        if size_bytes <= room_bytes and here.max() + size_bytes <= room_bytes:
            here += size_bytes
            staying.add(index)
        elif closes:
            here[:] = room_bytes + 1
    return staying


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
