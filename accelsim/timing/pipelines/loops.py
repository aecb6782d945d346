"""The loops of a plan as a short program for the pipelines, with every transfer in cycles.

Instructions are a step and its row in the table of steps; the beginning of a loop and how often it runs; its end and
where it began; the end of all. With each is where the loop around it begins, -1 around all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from accelsim.errors import InternalError
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.plan import Piece, Segment

Integers = npt.NDArray[np.int64]
MOST_NESTED = 8
"""Loops within loops that a pipeline can count."""

STEP, BEGIN, END, HALT = range(4)
"""Instructions."""


class StepField(IntEnum):
    """Columns of the table of steps: a load, work, a store; one of 0 cycles is none."""

    LOAD = 0
    LOAD_TURNAROUND = 1
    LOAD_ROW = 2
    LOAD_REFRESH = 3
    LOAD_LAG = 4
    LOAD_LEVEL = 5
    BUSY = 6
    STORE = 7
    STORE_TURNAROUND = 8
    STORE_ROW = 9
    STORE_REFRESH = 10
    STORE_LAG = 11
    STORE_LEVEL = 12


@dataclass(frozen=True, eq=False)
class Loops:
    """Programs of one or more plans: ``code`` and ``steps`` together, and where each program starts."""

    code: Integers
    steps: Integers
    starts: tuple[int, ...]

    @cached_property
    def starts_or_none(self) -> Integers:
        """The same, and -1 after the last, so that program -1 starts there."""
        return np.array((*self.starts, -1), np.int64)


def assemble(segments: Iterable[Segment], transfers: Transfers) -> Loops:
    """Programs of plans with the cost of every transfer; equal pieces share a step."""
    programs = Programs(transfers)
    numbers = [programs.add(segment) for segment in segments]
    loops = programs.loops
    return replace(loops, starts=tuple(loops.starts[number] for number in numbers))


class Programs:
    """Programs that are assembled one after another; what was there before stays where it is."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers
        self._code: list[tuple[int, int, int]] = []
        self._steps: list[tuple[int, ...]] = []
        self._rows: dict[Piece, int] = {}
        self._starts: list[int] = []
        self._numbers: dict[Segment, int] = {}
        self._loops: Loops | None = None

    def add(self, segment: Segment) -> int:
        """The number of a program; equal ones are one."""
        if segment not in self._numbers:
            self._numbers[segment] = len(self._starts)
            self._starts.append(len(self._code))
            self._loop(segment)
            self._code.append((HALT, 0, -1))
            self._loops = None
        return self._numbers[segment]

    @property
    def loops(self) -> Loops:
        """All of them."""
        if self._loops is None:
            code = np.array(self._code, np.int64).reshape(-1, 3)
            steps = np.array(self._steps, np.int64).reshape(-1, len(StepField))
            self._loops = Loops(code, steps, tuple(self._starts))
        return self._loops

    def _loop(self, segment: Segment, around: int = -1, depth: int = 1) -> None:
        if depth > MOST_NESTED:
            raise InternalError(f"more than {MOST_NESTED} loops within each other")
        begin = len(self._code)
        self._code.append((BEGIN, segment.repeats, around))
        for part in segment.body:
            if isinstance(part, Segment):
                self._loop(part, begin, depth + 1)
            else:
                self._code.append((STEP, self._row(part), begin))
        self._code.append((END, begin, around))

    def _row(self, piece: Piece) -> int:
        if piece not in self._rows:
            self._rows[piece] = len(self._steps)
            load, store = self._transfers.move(piece.loads, False), self._transfers.move(piece.stores, True)
            self._steps.append((*load, piece.busy_cycles, *store))
        return self._rows[piece]
