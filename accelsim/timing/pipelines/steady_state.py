"""Skipping what repeats itself.

Between two events of the outside, the pipelines at work repeat themselves as soon as their relative state does: where
each is in its loops, who has the channel, who waits, what time remains. A state seen before, but for turns of loops, is
followed by what followed it then. So whole periods are skipped, as long as every pipeline stays in its loop and nothing
from outside comes; times, turns and stall cycles move on by as many periods. Results are those of the event run, cycle
by cycle, because durations don't depend on time.

A pipeline without an event for a while (a long piece of work, or one that never gets the channel) is left out of the
state, and a skip ends before its next event.
"""

from __future__ import annotations

import numpy as np

from accelsim.timing.pipelines.channel import MOVING, WAITING, ChannelField, TaskField, set_due, turned_ahead
from accelsim.timing.pipelines.jit import inner
from accelsim.timing.pipelines.loops import MOST_NESTED, Integers
from accelsim.timing.pipelines.stages import MOST_HELD, Field
from accelsim.timing.pipelines.stalls import CAUSES

QUIET_CHECKS = 3
"""Checks without an event after which a pipeline is left out of the state."""
REMEMBERED = 512
"""States remembered at a time."""
MOST_PIPELINES = 8
"""Where more are at work at once, nothing is skipped."""
STATE_OF_PIPELINE = 15 + MOST_HELD
GROWTH_OF_PIPELINE = 1 + MOST_NESTED + CAUSES
"""Numbers by pipeline that decide what comes next, and that grow from period to period."""
_META = 4

_MOVE, _MOVE_DUE, _WORK_DUE = int(TaskField.MOVE), int(TaskField.MOVE_DUE), int(TaskField.WORK_DUE)
_EVENTS, _LAST_CHECK, _DUE = (int(f) for f in (TaskField.EVENTS, TaskField.LAST_CHECK, TaskField.DUE))
_TURNAROUND, _ASKED, _WAITED = int(TaskField.TURNAROUND), int(TaskField.ASKED), int(TaskField.WAITED)
_NOW, _COUNT, _LAST = int(ChannelField.NOW), int(ChannelField.COUNT), int(ChannelField.LAST)
_BUSY, _FREE_SINCE = int(ChannelField.BUSY), int(ChannelField.FREE_SINCE)
_CHECKS, _GENERATION, _FRUITLESS = (
    int(f) for f in (ChannelField.CHECKS, ChannelField.GENERATION, ChannelField.FRUITLESS)
)
_WORKING, _REQUEST, _ARRIVAL, _AHEAD = (int(f) for f in (Field.WORKING, Field.REQUEST, Field.ARRIVAL, Field.AHEAD))
_BEHIND, _FRESH, _LATENCY_DUE = int(Field.BEHIND), int(Field.FRESH), int(Field.LATENCY_DUE)
_IDLE_SINCE, _PLACE, _DEPTH = int(Field.IDLE_SINCE), int(Field.PLACE), int(Field.DEPTH)
_HELD_BACK = int(Field.HELD_BACK)
_TURNS, _HELD, _STALLS = int(Field.TURNS), int(Field.HELD), int(Field.STALLS)


class Memory:
    """Remembered states, for so many pipelines: the states, their hashes and cycles, and what grows."""

    def __init__(self, pipelines: int) -> None:
        self.state = np.zeros((REMEMBERED, 2 + pipelines * STATE_OF_PIPELINE), np.int64)
        self.meta = np.zeros((REMEMBERED, _META), np.int64)
        self.growth = np.zeros((REMEMBERED, pipelines * GROWTH_OF_PIPELINE), np.int64)
        self.scratch = np.zeros(2 + pipelines * STATE_OF_PIPELINE, np.int64)

    @property
    def tables(self) -> tuple[Integers, Integers, Integers, Integers]:
        """As compiled functions take them."""
        return self.state, self.meta, self.growth, self.scratch


@inner
def skip(
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
    code: Integers,
    horizon: int,
    state: Integers,
    meta: Integers,
    growth: Integers,
    scratch: Integers,
) -> None:
    """Skip whole periods if this state, just after a grant, was seen before; and remember it."""
    channel[_CHECKS] += 1
    channel[_FRUITLESS] += 1
    length = _describe(pipelines, tasks, channel, scratch)
    hashed = channel[_GENERATION]
    for i in range(length):
        hashed = (hashed * 1000003) ^ scratch[i]
    slot = (hashed ^ (hashed >> 29)) % REMEMBERED
    known = meta[slot, 0] == hashed and meta[slot, 1] == channel[_GENERATION] and meta[slot, 2] == length
    if known:
        for i in range(length):
            known = known and state[slot, i] == scratch[i]
    if known:
        _repeat(pipelines, tasks, channel, code, horizon, meta[slot, 3], growth[slot])
    meta[slot, 0], meta[slot, 1], meta[slot, 2], meta[slot, 3] = hashed, channel[_GENERATION], length, channel[_NOW]
    for i in range(length):
        state[slot, i] = scratch[i]
    for row in range(channel[_COUNT]):
        at = row * GROWTH_OF_PIPELINE
        growth[slot, at] = tasks[row, _EVENTS]
        for i in range(MOST_NESTED):
            growth[slot, at + 1 + i] = pipelines[row, _TURNS + i]
        for i in range(CAUSES):
            growth[slot, at + 1 + MOST_NESTED + i] = pipelines[row, _STALLS + i]


@inner
def _quiet(tasks: Integers, channel: Integers, row: int) -> bool:
    return bool(tasks[row, _LAST_CHECK] < channel[_CHECKS] - QUIET_CHECKS)


@inner
def _describe(pipelines: Integers, tasks: Integers, channel: Integers, found: Integers) -> int:
    """All that decides what comes next, up to turns of loops; returns its length."""
    now = channel[_NOW]
    found[0] = channel[_LAST]
    found[1] = 0 if channel[_BUSY] else turned_ahead(channel)
    at = 2
    for row in range(channel[_COUNT]):
        pipeline, task = pipelines[row], tasks[row]
        found[at] = task[_MOVE]
        if _quiet(tasks, channel, row):
            found[at] += 8
            at += 1
            continue
        found[at + 1] = task[_MOVE_DUE] - now if task[_MOVE_DUE] > now else 0
        found[at + 2] = task[_WORK_DUE] - now if pipeline[_WORKING] else -1
        found[at + 3] = 0 if pipeline[_WORKING] or pipeline[_HELD_BACK] else now - pipeline[_IDLE_SINCE]
        found[at + 4] = max(0, pipeline[_ARRIVAL] - now)
        found[at + 5] = pipeline[_REQUEST]
        found[at + 6] = pipeline[_AHEAD]
        found[at + 7] = pipeline[_BEHIND]
        found[at + 8] = pipeline[_FRESH]
        found[at + 9] = pipeline[_LATENCY_DUE]
        found[at + 10] = pipeline[_PLACE]
        found[at + 11] = pipeline[_DEPTH] + MOST_NESTED * pipeline[_HELD_BACK]
        found[at + 12] = task[_TURNAROUND] if task[_MOVE] >= MOVING else 0
        found[at + 13] = task[_WAITED] if task[_MOVE] >= MOVING else 0
        found[at + 14] = now - task[_ASKED] if task[_MOVE] == WAITING else 0
        for i in range(MOST_HELD):
            found[at + 15 + i] = pipeline[_HELD + i]
        at += STATE_OF_PIPELINE
    return at


@inner
def _repeat(
    pipelines: Integers, tasks: Integers, channel: Integers, code: Integers, horizon: int, then: int, growth: Integers
) -> None:
    """Repeat what happened since the cycle ``then`` as often as it can be repeated."""
    now = channel[_NOW]
    cycles = now - then
    # Nothing from outside, and no event of a quiet pipeline, may come before or in the cycle that is reached.
    limit = horizon
    for row in range(channel[_COUNT]):
        if _quiet(tasks, channel, row):
            if tasks[row, _EVENTS] != growth[row * GROWTH_OF_PIPELINE]:
                return
            limit = min(limit, tasks[row, _DUE])
    periods = (limit - 1 - now) // cycles
    for row in range(channel[_COUNT]):
        if not _quiet(tasks, channel, row):
            level = _moved_level(pipelines[row], growth, row)
            if level < 0:
                return
            turns = pipelines[row, _TURNS + level]
            done = turns - growth[row * GROWTH_OF_PIPELINE + 1 + level]
            periods = min(periods, (_repeats(pipelines[row], code, level) - 1 - turns) // done)
    if periods <= 0:
        return
    channel[_NOW] += periods * cycles
    channel[_FREE_SINCE] += periods * cycles
    channel[_FRUITLESS] = 0
    for row in range(channel[_COUNT]):
        if not _quiet(tasks, channel, row):
            at = row * GROWTH_OF_PIPELINE + 1
            for i in range(MOST_NESTED):
                pipelines[row, _TURNS + i] += periods * (pipelines[row, _TURNS + i] - growth[at + i])
            for i in range(CAUSES):
                grown = pipelines[row, _STALLS + i] - growth[at + MOST_NESTED + i]
                pipelines[row, _STALLS + i] += periods * grown
            pipelines[row, _IDLE_SINCE] += periods * cycles
            pipelines[row, _ARRIVAL] += periods * cycles
            tasks[row, _MOVE_DUE] += periods * cycles
            tasks[row, _WORK_DUE] += periods * cycles
            tasks[row, _ASKED] += periods * cycles
            set_due(pipelines, tasks, channel, row)


@inner
def _moved_level(pipeline: Integers, growth: Integers, row: int) -> int:
    """The loop that went on since then, if it is the only one around the place that did; else -1."""
    found = -1
    for level in range(pipeline[_DEPTH]):
        done = pipeline[_TURNS + level] - growth[row * GROWTH_OF_PIPELINE + 1 + level]
        if done:
            if done < 0 or found >= 0:
                return -1
            found = level
    return found


@inner
def _repeats(pipeline: Integers, code: Integers, level: int) -> int:
    """How often the loop at ``level`` around the pipeline's place runs."""
    at = pipeline[_PLACE]
    for _ in range(pipeline[_DEPTH] - level):
        at = code[at, 2]
    return int(code[at, 1])
