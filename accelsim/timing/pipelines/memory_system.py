"""The fast run of pipelines on one DRAM channel: the rules of ``stages``, with steady states skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.errors import InternalError
from accelsim.timing.pipelines.channel import (
    FOREVER,
    NO_TRANSFER,
    ChannelField,
    TaskField,
    finish_due,
    grant,
    start,
)
from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers, Loops
from accelsim.timing.pipelines.stages import Field
from accelsim.timing.pipelines.stalls import COUNTS, LEAD_IN, LEAD_OUT
from accelsim.timing.pipelines.steady_state import MOST_PIPELINES, Memory, skip

PATIENCE_GRANTS = 16
"""Grants after which another pipeline becomes the anchor."""
MOST_PAUSE_GRANTS = 64
"""Comparing states costs time: where it leads nowhere, pauses between comparisons grow up to this."""


_NOW, _COUNT, _ANCHOR, _GRANTS = (
    int(f) for f in (ChannelField.NOW, ChannelField.COUNT, ChannelField.ANCHOR, ChannelField.GRANTS)
)
_GENERATION, _FRUITLESS = int(ChannelField.GENERATION), int(ChannelField.FRUITLESS)
_DUE = int(TaskField.DUE)


@compiled
def advance(
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
    code: Integers,
    steps: Integers,
    horizon: int,
    state: Integers,
    meta: Integers,
    growth: Integers,
    scratch: Integers,
) -> int:
    """Run on until pipelines end, and return how many, or up to ``horizon``; -1 if all wait for nothing."""
    while True:
        granted = grant(pipelines, tasks, channel)
        if granted >= 0:
            channel[_GRANTS] += 1
            pause = min(channel[_FRUITLESS] // 16, MOST_PAUSE_GRANTS)
            if channel[_GRANTS] > pause + (0 if granted == channel[_ANCHOR] else PATIENCE_GRANTS):
                channel[_ANCHOR], channel[_GRANTS] = granted, 0
                if channel[_COUNT] <= MOST_PIPELINES:
                    skip(pipelines, tasks, channel, code, horizon, state, meta, growth, scratch)
        cycle = FOREVER
        for row in range(channel[_COUNT]):
            cycle = min(cycle, tasks[row, _DUE])
        if cycle > horizon:
            channel[_NOW] = horizon
            return 0
        if cycle == FOREVER:
            return -1
        channel[_NOW] = cycle
        ended = finish_due(pipelines, tasks, channel, code, steps)
        if ended or cycle == horizon:
            return int(ended)


@compiled
def forget(channel: Integers) -> None:
    """Other pipelines are at work now: their states are others."""
    channel[_GENERATION] += 1
    channel[_ANCHOR] = -1
    channel[_GRANTS] = PATIENCE_GRANTS
    channel[_FRUITLESS] = 0


@compiled
def remove(pipelines: Integers, tasks: Integers, channel: Integers, row: int) -> None:
    """A pipeline that ended leaves; the last row takes its place."""
    last = channel[_COUNT] - 1
    for i in range(pipelines.shape[1]):
        pipelines[row, i] = pipelines[last, i]
    for i in range(tasks.shape[1]):
        tasks[row, i] = tasks[last, i]
    channel[_COUNT] = last


@dataclass(frozen=True, slots=True)
class Alone:
    """The run of an operation that has the channel to itself."""

    cycles: int
    stalls: list[int]


def unmoved(busy_cycles: int) -> Alone:
    """The run of what moves nothing: work without a stall."""
    return Alone(busy_cycles, [0] * COUNTS)


def together(runs: Sequence[Alone]) -> Alone:
    """Runs that follow each other as one: what led in the first one and out of the last one did so in all."""
    stalls = [sum(column) for column in zip(*(run.stalls for run in runs), strict=True)]
    stalls[LEAD_IN], stalls[LEAD_OUT] = runs[0].stalls[LEAD_IN], runs[-1].stalls[LEAD_OUT]
    return Alone(sum(run.cycles for run in runs), stalls)


class Solo:
    """Runs one operation after another that has the channel to itself; ``ahead_cycles`` as in ``ChannelField``."""

    def __init__(self, depths: tuple[int, int, int], ahead_cycles: int = 0) -> None:
        self._depths = depths
        self._pipelines = np.zeros((1, int(Field.END)), np.int64)
        self._tasks = np.zeros((1, len(TaskField)), np.int64)
        self._channel = np.zeros(len(ChannelField), np.int64)
        self._channel[ChannelField.AHEAD_CYCLES] = ahead_cycles
        self._memory = Memory(1)

    def run(self, loops: Loops, start_at: int, last: int = NO_TRANSFER) -> Alone:
        """Run the program at ``start_at`` from cycle 0 to its end, after a transfer in direction ``last``."""
        channel, tables = self._channel, (self._pipelines, self._tasks, self._channel)
        self._tasks[0] = 0
        channel[ChannelField.NOW], channel[ChannelField.COUNT] = 0, 1
        channel[ChannelField.BUSY], channel[ChannelField.LAST], channel[ChannelField.FREE_SINCE] = 0, last, 0
        start(*tables, loops.code, loops.steps, 0, start_at, self._depths, False)
        forget(channel)
        if advance(*tables, loops.code, loops.steps, FOREVER, *self._memory.tables) < 0:
            raise InternalError("a pipeline that waits for nothing")
        stalls = self._pipelines[0, Field.STALLS : Field.STALLS + COUNTS].tolist()
        return Alone(self.now, stalls)

    @property
    def now(self) -> int:
        return int(self._channel[ChannelField.NOW])


@dataclass(eq=False, slots=True)
class Task:
    """An operation at work, and its stall cycles by cause once it ended."""

    stalls: list[int]


class MemorySystem:
    """Pipelines of programs in ``loops`` that share the channel; never more than ``most`` at once."""

    def __init__(self, loops: Loops, depths: tuple[int, int, int], most: int) -> None:
        self._loops = loops
        self._depths = depths
        self._pipelines = np.zeros((most, int(Field.END)), np.int64)
        self._tasks = np.zeros((most, len(TaskField)), np.int64)
        self._channel = np.zeros(len(ChannelField), np.int64)
        self._memory = Memory(min(most, MOST_PIPELINES))
        self._running: list[Task] = []

    @property
    def now(self) -> int:
        return int(self._channel[ChannelField.NOW])

    def start(self, start_at: int, priority: int, now: int) -> Task:
        """Start the program at ``start_at``, now; priorities are distinct, and lower ones go first."""
        row, loops = len(self._running), self._loops
        self._running.append(Task([]))
        self._channel[ChannelField.NOW] = now
        self._channel[ChannelField.COUNT] = row + 1
        self._tasks[row] = 0
        self._tasks[row, TaskField.PRIORITY] = priority
        start(self._pipelines, self._tasks, self._channel, loops.code, loops.steps, row, start_at, self._depths, False)
        forget(self._channel)
        return self._running[row]

    def advance(self, horizon: int) -> list[Task]:
        """Run on until operations end, and return these, or else up to ``horizon``.

        In the cycle that it stops in, the channel takes up nothing before the next call.
        """
        loops, memory = self._loops, self._memory
        tables = self._pipelines, self._tasks, self._channel
        found = advance(*tables, loops.code, loops.steps, horizon, *memory.tables)
        if found < 0:
            raise InternalError("pipelines that wait for nothing")
        return self._take_ended() if found else []

    def _take_ended(self) -> list[Task]:
        ended = []
        for row in reversed(range(len(self._running))):
            if self._tasks[row, TaskField.ENDED]:
                task, last = self._running[row], self._running.pop()
                task.stalls = self._pipelines[row, Field.STALLS : Field.STALLS + COUNTS].tolist()
                ended.append(task)
                if last is not task:
                    self._running[row] = last
                remove(self._pipelines, self._tasks, self._channel, row)
        forget(self._channel)
        return ended
