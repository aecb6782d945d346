"""The loops of a plan as a short program for the pipelines, with every transfer in cycles.

Instructions are pairs: a step and its row in the table of steps; the beginning of a loop and how often it runs; its end
and where it began; the end of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from accelsim.errors import InternalError
from accelsim.timing.dram_model import TransferCost
from accelsim.timing.plan import Piece, Segment

Integers = npt.NDArray[np.int64]
MOST_NESTED = 8
"""Loops within loops that a pipeline can count."""

STEP, BEGIN, END, HALT = range(4)
"""Instructions."""


class StepField(IntEnum):
    """Columns of the table of steps; a load or store of 0 cycles is none."""

    LOAD = 0
    LOAD_TURNAROUND = 1
    LOAD_ROW = 2
    LOAD_REFRESH = 3
    BUSY = 4
    STORE = 5
    STORE_TURNAROUND = 6
    STORE_ROW = 7
    STORE_REFRESH = 8


@dataclass(frozen=True, eq=False)
class Loops:
    """Programs of one or more plans: ``code`` and ``steps`` together, and where each program starts."""

    code: Integers
    steps: Integers
    starts: tuple[int, ...]


def assemble(segments: Iterable[Segment], cost: Callable[[int, bool], TransferCost]) -> Loops:
    """Programs of plans with ``cost(size_bytes, write)`` of every transfer; equal pieces share a step."""
    assembler = _Assembler(cost)
    starts = tuple(assembler.add(segment) for segment in segments)
    steps = np.array(assembler.steps, np.int64).reshape(-1, len(StepField))
    return Loops(np.array(assembler.code, np.int64).reshape(-1, 2), steps, starts)


class _Assembler:
    def __init__(self, cost: Callable[[int, bool], TransferCost]) -> None:
        self.cost = cost
        self.code: list[tuple[int, int]] = []
        self.steps: list[tuple[int, ...]] = []
        self.rows: dict[Piece, int] = {}

    def add(self, segment: Segment) -> int:
        start = len(self.code)
        self._loop(segment)
        self.code.append((HALT, 0))
        return start

    def _loop(self, segment: Segment, depth: int = 1) -> None:
        if depth > MOST_NESTED:
            raise InternalError(f"more than {MOST_NESTED} loops within each other")
        begin = len(self.code)
        self.code.append((BEGIN, segment.repeats))
        for part in segment.body:
            if isinstance(part, Segment):
                self._loop(part, depth + 1)
            else:
                self.code.append((STEP, self._row(part)))
        self.code.append((END, begin))

    def _row(self, piece: Piece) -> int:
        if piece not in self.rows:
            self.rows[piece] = len(self.steps)
            load, store = self._transfer(piece.load_bytes, False), self._transfer(piece.store_bytes, True)
            self.steps.append((*load, piece.busy_cycles, *store))
        return self.rows[piece]

    def _transfer(self, size_bytes: int, write: bool) -> tuple[int, int, int, int]:
        if not size_bytes:
            return 0, 0, 0, 0
        cost = self.cost(size_bytes, write)
        return cost.stream_cycles, cost.turnaround_cycles, cost.row_cycles, cost.refresh_cycles
