"""The fast run of a step: ``schedule`` without processes and events, compiled, with the very same result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.errors import InternalError
from accelsim.program import Unit
from accelsim.timing.pipelines.channel import FOREVER, ChannelField, TaskField
from accelsim.timing.pipelines.loops import Integers, Loops
from accelsim.timing.pipelines.stages import Field
from accelsim.timing.pipelines.steady_state import MOST_PIPELINES, Memory
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.compiled import run
from accelsim.timing.scheduling.fields import (
    FINISHED,
    OPERATION_COLUMNS,
    STUCK,
    OperationField,
    StateField,
    UnitField,
)
from accelsim.timing.scheduling.held import Held
from accelsim.timing.scheduling.least_left import LeastLeft

UNITS = tuple(Unit)


class Workplace:
    """What one schedule leaves to the next: tables, and ``records`` of runs, which are of the same programs."""

    def __init__(self, depths: tuple[int, int, int], arrays: int, records: Integers, *, prefetch: bool) -> None:
        # One operation on each unit, and one more where it prefetches.
        most = (arrays + len(UNITS) - 1) * (1 + prefetch)
        self.depths, self.arrays, self.prefetch = depths, arrays, prefetch
        self.pipelines = np.zeros((most, int(Field.END)), np.int64)
        self.tasks = np.zeros((most, len(TaskField)), np.int64)
        self.channel = np.zeros(len(ChannelField), np.int64)
        self.memory = Memory(min(most, MOST_PIPELINES))
        self.on_chip = np.zeros((most, 2), np.int64)
        self.fetching = np.zeros((len(UNITS), most), np.int64)
        self.records = records

    def clear(self) -> None:
        """For a new step; states of earlier ones are told by their generations."""
        generation = self.channel[ChannelField.GENERATION]
        self.channel[:] = 0
        self.channel[ChannelField.GENERATION] = generation + 1
        self.channel[ChannelField.TELLS_TAILS] = self.prefetch


@dataclass(frozen=True)
class Work:
    """What operations do: ``units`` by number, whether they do anything, which program they are (-1 where nothing
    moves), and how long they are busy."""

    units: Integers
    works: Integers
    programs: Integers
    busy: Integers


@dataclass(frozen=True)
class FastSchedule:
    """Arguments are those of ``schedule.Schedule``; ``order`` has what each operation waits for."""

    work: Work
    order: Rows
    ranks: Sequence[int]
    loops: Loops
    workplace: Workplace
    left: LeastLeft
    arrays: int
    before: int | None

    def run(self) -> tuple[Held | None, int]:
        """The schedule, None where it doesn't end in time; and the arrays that were at work together."""
        operations, place, later = self._operations(), self.workplace, self.order.inverted
        units, state, count = self._units(), np.zeros(len(StateField), np.int64), len(operations)
        state[StateField.BEFORE] = FOREVER if self.before is None else self.before
        state[StateField.PREFETCH] = place.prefetch
        state[StateField.CHAIN_END] = self.left.chain_end
        by_rank = np.empty(count, np.int64)
        by_rank[operations[:, OperationField.RANK]] = np.arange(count)
        place.clear()
        ended = run(
            operations,
            units,
            np.empty((len(UNITS), count), np.int64),
            place.fetching,
            by_rank,
            state,
            later.first,
            later.flat,
            self.left.costs,
            np.array([*self.left.sums, self.left.slack]),
            np.empty((2, count), np.int64),
            place.on_chip,
            place.pipelines,
            place.tasks,
            place.channel,
            self.loops.code,
            self.loops.steps,
            place.depths,
            *place.memory.tables,
            place.records,
        )
        if ended == STUCK:
            raise InternalError("operations that wait for nothing")
        at_once = self.arrays - int(units[UNITS.index(Unit.MAC_ARRAY), UnitField.LEAST_FREE])
        return (_held(operations) if ended == FINISHED else None), at_once

    def _operations(self) -> Integers:
        work, field = self.work, OperationField
        table = np.zeros((len(work.units), OPERATION_COLUMNS), np.int64)
        table[:, field.UNIT], table[:, field.WORKS], table[:, field.BUSY] = work.units, work.works, work.busy
        table[:, field.START] = self.loops.starts_or_none[work.programs]
        table[:, field.RANK] = self.ranks
        table[:, field.CHAIN] = self.left.chains
        table[:, field.MISSING] = np.diff(self.order.first)
        table[:, field.FETCH] = -1
        return table

    def _units(self) -> Integers:
        table = np.zeros((len(UNITS), len(UnitField)), np.int64)
        table[:, UnitField.FREE] = 1
        table[UNITS.index(Unit.MAC_ARRAY), UnitField.FREE] = self.arrays
        table[:, UnitField.LEAST_FREE] = table[:, UnitField.FREE]
        return table


def _held(operations: Integers) -> Held:
    field = OperationField
    ready, fetch, start, end = (operations[:, column] for column in (field.READY, field.FETCH, field.BEGUN, field.END))
    return Held.of(ready, fetch, start, end, operations[:, field.STALLS :])
