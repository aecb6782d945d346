"""Which of the tensors that might stay in a place of limited room do: rules, none of which is best everywhere.

Each rule fills the place ahead, over the whole step, as a compiler would. A tensor that stays saves its one write and
the read of every reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from enum import Enum
from heapq import heappop, heappush

import numpy as np

from accelsim.program import Program
from accelsim.timing.placement.lifetimes import Lifetimes


class Rule(Enum):
    """How tensors are chosen."""

    LAST_NEEDED = "last_needed"
    """In order of operations; where they exceed the room, the one whose last use is furthest ahead is given up."""
    BYTE_TURNS = "byte_turns"
    """First those that save most traffic for the room, times turns of operations, that they take."""
    TURNS = "turns"
    """First those that save most traffic for the turns alone: large ones come before what they leave room for."""


def kept(rule: Rule, program: Program, lives: Lifetimes, candidates: Set[int], room_bytes: int) -> set[int]:
    """Those of the candidates that stay in a place from their making to their last use."""
    if rule is Rule.LAST_NEEDED:
        return _but_for_last_needed(program, lives, candidates, room_bytes)
    if rule not in lives.orders:
        lives.orders[rule] = _by_worth(program, lives, _WORTH[rule])
    return _filled(program, lives, (index for index in lives.orders[rule] if index in candidates), room_bytes)


Worth = Callable[[int, int, int], float]
"""Of a tensor with so many uses, bytes and turns."""
_WORTH: dict[Rule, Worth] = {
    Rule.BYTE_TURNS: lambda uses, size_bytes, turns: uses / turns,
    Rule.TURNS: lambda uses, size_bytes, turns: uses * size_bytes / turns,
}


def _by_worth(program: Program, lives: Lifetimes, worth: Worth) -> list[int]:
    """All tensors, those worth most first."""

    def falling(index: int) -> tuple[float, int]:
        first, end = lives.spans[index]
        return -worth(1 + len(lives.readers[index]), program.tensors[index].bytes, end - first), index

    return sorted(lives.spans, key=falling)


def _filled(program: Program, lives: Lifetimes, ordered: Iterable[int], room_bytes: int) -> set[int]:
    """In this order, each where there is room from its making to its last use."""
    taken, staying = np.zeros(len(lives.turns), np.int64), set[int]()
    for index in ordered:
        size_bytes, (first, end) = program.tensors[index].bytes, lives.spans[index]
        if size_bytes <= room_bytes:
            here = taken[first:end]
            if here.max() + size_bytes <= room_bytes:
                here += size_bytes
                staying.add(index)
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
