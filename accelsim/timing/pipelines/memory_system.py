"""The fast run of all pipelines on one DRAM channel: the rules of ``stages``, with steady states skipped."""

from __future__ import annotations

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
    start_ready,
)
from accelsim.timing.pipelines.jit import compiled
from accelsim.timing.pipelines.loops import Integers, Loops
from accelsim.timing.pipelines.stages import Field, release
from accelsim.timing.pipelines.stalls import COUNTS
from accelsim.timing.pipelines.steady_state import MOST_PIPELINES, Memory, skip

PATIENCE_GRANTS = 16
"""Grants after which another pipeline becomes the anchor."""
MOST_PAUSE_GRANTS = 64
"""Comparing states costs time: where it leads nowhere, pauses between comparisons grow up to this."""
_NOW, _COUNT, _ANCHOR, _GRANTS = (
    int(f) for f in (ChannelField.NOW, ChannelField.COUNT, ChannelField.ANCHOR, ChannelField.GRANTS)
)
_FRUITLESS, _DUE = int(ChannelField.FRUITLESS), int(TaskField.DUE)


@compiled
def _advance(
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


@dataclass(frozen=True, slots=True)
class Alone:
    """The run of an operation that has the channel to itself; ``last``: the direction of its last transfer."""

    cycles: int
    stalls: list[int]
    last: int


@dataclass(eq=False, slots=True)
class Task:
    """An operation at work, and its stall cycles by cause once it ended; ``alone_from``: nothing happened since."""

    start_at: int
    alone_from: int
    stalls: list[int]
    ended: bool = False


class MemorySystem:
    """Pipelines of programs in ``loops`` that share the channel; never more than ``most`` at once.

    ``remember``: reuse the run of an operation that stays alone from its start to its end. ``tells_tails``: ``advance``
    returns when a pipeline comes to its tail, too.
    """

    def __init__(
        self,
        loops: Loops,
        depths: tuple[int, int, int],
        most: int,
        *,
        remember: bool = True,
        tells_tails: bool = False,
    ) -> None:
        self._loops = loops
        self._depths = depths
        self._pipelines = np.zeros((most, int(Field.END)), np.int64)
        self._tasks = np.zeros((most, len(TaskField)), np.int64)
        self._channel = np.zeros(len(ChannelField), np.int64)
        self._channel[ChannelField.HOLDER] = -1
        self._channel[ChannelField.TELLS_TAILS] = tells_tails
        self._memory = Memory(min(most, MOST_PIPELINES))
        self._running: list[Task] = []
        self._alone: dict[tuple[int, int], Alone] = {}
        self._solo = MemorySystem(loops, depths, 1, remember=False) if remember and not tells_tails else None
        self._forget()

    @property
    def now(self) -> int:
        return int(self._channel[ChannelField.NOW])

    def start(self, start_at: int, priority: int, now: int, *, held_back: bool = False) -> Task:
        """Start the program at ``start_at``, now; priorities are distinct, and lower ones go first."""
        row = len(self._running)
        task = Task(start_at, now, [])
        self._running.append(task)
        self._channel[ChannelField.NOW] = now
        self._channel[ChannelField.COUNT] = row + 1
        self._tasks[row] = 0
        self._tasks[row, TaskField.PRIORITY] = priority
        loops = self._loops
        start(
            self._pipelines, self._tasks, self._channel, loops.code, loops.steps, row, start_at, self._depths, held_back
        )
        self._forget()
        return task

    def release(self, task: Task, now: int) -> None:
        """The unit is free for a task that was held back."""
        row = self._running.index(task)
        self._channel[ChannelField.NOW] = now
        release(self._pipelines[row], now)
        self._start_ready(row)

    def in_tail(self, task: Task) -> bool:
        """True where the task is in its tail; it won't be told again."""
        row = self._running.index(task)
        self._tasks[row, TaskField.TAIL] = self._pipelines[row, Field.IN_TAIL]
        return bool(self._tasks[row, TaskField.TAIL])

    def advance(self, horizon: int) -> list[Task]:
        """Run on until operations end (or come to their tails), and return these, or else up to ``horizon``.

        In the cycle that it stops in, the channel takes up nothing before the next call.
        """
        if ended := self._ended_alone(horizon):
            return ended
        memory = self._memory
        found = _advance(
            self._pipelines,
            self._tasks,
            self._channel,
            self._loops.code,
            self._loops.steps,
            horizon,
            memory.state,
            memory.meta,
            memory.growth,
            memory.scratch,
        )
        if found < 0:
            raise InternalError("pipelines that wait for nothing")
        return self._take_news() if found else []

    def run_alone(self, start_at: int, last: int = NO_TRANSFER) -> Alone:
        """Run one program from cycle 0 to its end, after a transfer in direction ``last``."""
        self._channel[ChannelField.LAST] = last
        task = self.start(start_at, 0, 0)
        self.advance(FOREVER)
        return Alone(self.now, task.stalls, int(self._channel[ChannelField.LAST]))

    def _ended_alone(self, horizon: int) -> list[Task]:
        if self._solo is None or len(self._running) != 1 or self._running[0].alone_from != self.now:
            return []
        (task,), last = self._running, int(self._channel[ChannelField.LAST])
        if (task.start_at, last) not in self._alone:
            self._alone[task.start_at, last] = self._solo.run_alone(task.start_at, last)
        alone = self._alone[task.start_at, last]
        if self.now + alone.cycles > horizon:
            return []
        self._channel[ChannelField.NOW] += alone.cycles
        self._channel[ChannelField.LAST] = alone.last
        self._channel[ChannelField.COUNT] = 0
        self._running.clear()
        task.stalls, task.ended = alone.stalls, True
        return [task]

    def _take_news(self) -> list[Task]:
        """Remove what ended, and note what is in its tail; the last rows take the places that became free."""
        news = []
        for row in reversed(range(len(self._running))):
            task, last = self._running[row], len(self._running) - 1
            if self._tasks[row, TaskField.ENDED]:
                task.stalls = self._pipelines[row, Field.STALLS : Field.STALLS + COUNTS].tolist()
                task.ended = True
                news.append(task)
                for table in (self._pipelines, self._tasks):
                    table[row] = table[last]
                self._running[row] = self._running[last]
                self._running.pop()
                if self._channel[ChannelField.HOLDER] == last:
                    self._channel[ChannelField.HOLDER] = row
            elif (
                self._channel[ChannelField.TELLS_TAILS] and not self._tasks[row, TaskField.TAIL] and self.in_tail(task)
            ):
                news.append(task)
        self._channel[ChannelField.COUNT] = len(self._running)
        self._forget()
        return news

    def _start_ready(self, row: int) -> None:
        start_ready(self._pipelines, self._tasks, self._channel, self._loops.code, self._loops.steps, row)
        self._forget()

    def _forget(self) -> None:
        """Other pipelines are at work now: their states are others."""
        self._channel[ChannelField.GENERATION] += 1
        self._channel[ChannelField.ANCHOR] = -1
        self._channel[ChannelField.GRANTS] = PATIENCE_GRANTS
        self._channel[ChannelField.FRUITLESS] = 0
