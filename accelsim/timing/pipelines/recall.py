"""Runs of pipelines that are remembered: from equal states follow equal runs, at any time.

Layers repeat each other, and so do schedules of one step: the same operations meet in the same state again and again. A
run from one event of the outside to the next is kept under all that decides it, and what it changed is done at once
where that state comes again. Times are kept relative to the end of the run, stall cycles as what was added.
"""

from __future__ import annotations

import numpy as np

from accelsim.timing.pipelines.channel import IN_LATENCY, MOVING, WAITING, ChannelField, TaskField, set_due
from accelsim.timing.pipelines.jit import inner
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.pipelines.memory_system import advance
from accelsim.timing.pipelines.stages import NO_REQUEST, Field
from accelsim.timing.pipelines.stalls import CAUSES, LEAD_IN, LEAD_OUT

RECORDS = 4096
"""Runs remembered at a time."""
MOST_ROWS = 4
"""Runs of more pipelines are not."""
LEAST_CHECKS = 4
"""Nor runs that are over sooner: comparisons of states, in which they are short of."""

_NOW, _COUNT, _BUSY = int(ChannelField.NOW), int(ChannelField.COUNT), int(ChannelField.BUSY)
_LAST, _CHECKS = int(ChannelField.LAST), int(ChannelField.CHECKS)
_PRIORITY, _MOVE, _MOVE_DUE = int(TaskField.PRIORITY), int(TaskField.MOVE), int(TaskField.MOVE_DUE)
_WORK_DUE, _ENDED, _TAIL = int(TaskField.WORK_DUE), int(TaskField.ENDED), int(TaskField.TAIL)
_TURNAROUND, _ASKED, _WAITED = int(TaskField.TURNAROUND), int(TaskField.ASKED), int(TaskField.WAITED)
_ARRIVAL, _IDLE_SINCE, _FRESH = int(Field.ARRIVAL), int(Field.IDLE_SINCE), int(Field.FRESH)
_PLACE, _AHEAD, _STALLS = int(Field.PLACE), int(Field.AHEAD), int(Field.STALLS)
_WORKING, _WORK_CYCLES, _HELD_BACK = int(Field.WORKING), int(Field.WORK_CYCLES), int(Field.HELD_BACK)
_REQUEST, _REQUEST_CYCLES = int(Field.REQUEST), int(Field.REQUEST_CYCLES)
_REQUEST_TURNAROUND, _REQUEST_LATENCY = int(Field.REQUEST_TURNAROUND), int(Field.REQUEST_LATENCY)
_REQUEST_LAG = int(Field.REQUEST_LAG)
_LEAD_IN, _LEAD_OUT = _STALLS + LEAD_IN, _STALLS + LEAD_OUT
_FIXED = 8
"""Numbers of a task."""
_KEY_ROW = _FIXED + _STALLS
_ROW = _FIXED + int(Field.END)
KEY = 2 + MOST_ROWS * _KEY_ROW
_LENGTH, _EVENTS_ENDED, _CYCLES, _TAKEN, _WENT = range(KEY, KEY + 5)
_ROWS = KEY + 5


def records() -> Integers:
    """Room for them, taken up as they come; the last row is for the run under way."""
    return np.zeros((RECORDS + 1, _ROWS + MOST_ROWS * _ROW), np.int64)


@inner
def _tidy(pipeline: Integers, task: Integers, now: int) -> None:
    """Overwrite what a pipeline has left over from before, and nothing reads any more."""
    if pipeline[_WORKING] or pipeline[_HELD_BACK]:
        pipeline[_IDLE_SINCE] = now
    if not pipeline[_WORKING]:
        pipeline[_WORK_CYCLES], task[_WORK_DUE] = 0, now
    if pipeline[_REQUEST] == NO_REQUEST:
        pipeline[_REQUEST_CYCLES] = pipeline[_REQUEST_TURNAROUND] = 0
        pipeline[_REQUEST_LATENCY] = pipeline[_REQUEST_LAG] = 0
    pipeline[_ARRIVAL] = max(pipeline[_ARRIVAL], now)
    move = task[_MOVE]
    if move != WAITING:
        task[_ASKED] = now
    if move != IN_LATENCY and move < MOVING:
        task[_MOVE_DUE] = now
    if move < MOVING:
        task[_TURNAROUND] = task[_WAITED] = 0


@inner
def _describe(pipelines: Integers, tasks: Integers, channel: Integers, found: Integers, at: int, whole: int) -> int:
    """State of all rows into ``found``, the first ``whole`` columns of each pipeline; returns where it ends."""
    now = channel[_NOW]
    for row in range(channel[_COUNT]):
        pipeline, task = pipelines[row], tasks[row]
        found[at] = task[_MOVE]
        found[at + 1] = task[_MOVE_DUE] - now
        found[at + 2] = task[_WORK_DUE] - now
        found[at + 3] = task[_ASKED] - now
        found[at + 4] = task[_TURNAROUND]
        found[at + 5] = task[_WAITED]
        found[at + 6] = task[_ENDED] + 2 * task[_TAIL]
        found[at + 7] = 0
        for other in range(channel[_COUNT]):
            found[at + 7] += tasks[other, _PRIORITY] < task[_PRIORITY]
        at += _FIXED
        for i in range(whole):
            found[at + i] = pipeline[i]
        found[at + _ARRIVAL] -= now
        found[at + _IDLE_SINCE] -= now
        at += whole
    return at


@inner
def _slot(records: Integers, key: Integers, length: int) -> int:
    """The place of a key; -1 - the place where it would be, if it isn't there."""
    hashed = length
    for i in range(length):
        hashed = (hashed * 1000003) ^ key[i]
    slot = (hashed ^ (hashed >> 29)) % RECORDS
    if records[slot, _LENGTH] != length:
        return int(-1 - slot)
    for i in range(length):
        if records[slot, i] != key[i]:
            return int(-1 - slot)
    return int(slot)


@inner
def _is_worked(row: Integers) -> bool:
    """Whether the last work of a pipeline is over."""
    return bool(row[_PLACE] < 0 and row[_AHEAD] == 0)


@inner
def _repeat(pipelines: Integers, tasks: Integers, channel: Integers, record: Integers) -> int:
    """Do what a remembered run did; returns how many events ended it."""
    now, at = channel[_NOW] + record[_CYCLES], _ROWS
    channel[_NOW], channel[_BUSY], channel[_LAST] = now, record[_TAKEN], record[_WENT]
    for row in range(channel[_COUNT]):
        pipeline, task = pipelines[row], tasks[row]
        task[_MOVE], task[_MOVE_DUE] = record[at], record[at + 1] + now
        task[_WORK_DUE], task[_ASKED] = record[at + 2] + now, record[at + 3] + now
        task[_TURNAROUND], task[_WAITED], task[_ENDED] = record[at + 4], record[at + 5], record[at + 6] & 1
        at += _FIXED
        fresh, worked, stalled = pipeline[_FRESH], _is_worked(pipeline), 0
        for i in range(_STALLS):
            pipeline[i] = record[at + i]
        pipeline[_ARRIVAL] += now
        pipeline[_IDLE_SINCE] += now
        added = 0
        for i in range(_STALLS, _STALLS + CAUSES):
            stalled += pipeline[i]
            added += record[at + i]
            pipeline[i] += record[at + i]
        # A pipeline whose work had not begun had counted nothing.
        if fresh and not pipeline[_FRESH]:
            pipeline[_LEAD_IN] = record[at + _LEAD_IN]
        if not worked:
            begun = 0 if task[_ENDED] or not _is_worked(pipeline) else stalled
            pipeline[_LEAD_OUT] = begun + record[at + _LEAD_OUT]
        elif task[_ENDED]:
            pipeline[_LEAD_OUT] = stalled + added - pipeline[_LEAD_OUT]
        at += pipelines.shape[1]
        set_due(pipelines, tasks, channel, row)
    return int(record[_EVENTS_ENDED])


@inner
def _remember(pipelines: Integers, tasks: Integers, channel: Integers, records: Integers, slot: int) -> None:
    """Keep the state at the end of a run, whose beginning is in the last record; stalls as what was added."""
    record, begun, at = records[slot], records[RECORDS], _ROWS
    _describe(pipelines, tasks, channel, record, _ROWS, pipelines.shape[1])
    for row in range(channel[_COUNT]):
        at += _FIXED
        stalled = 0
        for i in range(_STALLS, _STALLS + CAUSES):
            stalled += begun[at + i]
            record[at + i] -= begun[at + i]
        if _is_worked(pipelines[row]) and not tasks[row, _ENDED]:
            record[at + _LEAD_OUT] -= stalled
        at += pipelines.shape[1]


@inner
def advance_or_recall(
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
    records: Integers,
) -> int:
    """As ``advance``: from ``records`` where the same run is there."""
    then, checks, begun = channel[_NOW], channel[_CHECKS], records[RECORDS]
    if channel[_COUNT] > MOST_ROWS:
        return advance(pipelines, tasks, channel, code, steps, horizon, state, meta, growth, scratch)
    for row in range(channel[_COUNT]):
        _tidy(pipelines[row], tasks[row], then)
    # How many rows there are the length tells, and who has the channel where their transfers are.
    begun[0], begun[1] = 0, channel[_LAST]
    length = _describe(pipelines, tasks, channel, begun, 2, _STALLS)
    # First a run that something ended before the horizon, then one up to a horizon as far away.
    slot = _slot(records, begun, length)
    if slot < 0 or then + records[slot, _CYCLES] > horizon:
        free, begun[0] = slot, horizon - then
        slot = _slot(records, begun, length)
        if slot < 0:
            _describe(pipelines, tasks, channel, begun, _ROWS, pipelines.shape[1])
            ended = advance(pipelines, tasks, channel, code, steps, horizon, state, meta, growth, scratch)
            if ended >= 0 and channel[_CHECKS] - checks >= LEAST_CHECKS:
                if ended:
                    begun[0], slot = 0, free if free < 0 else -1 - free
                slot = -1 - slot
                for i in range(length):
                    records[slot, i] = begun[i]
                record = records[slot]
                record[_LENGTH], record[_EVENTS_ENDED], record[_CYCLES] = length, ended, channel[_NOW] - then
                record[_TAKEN], record[_WENT] = channel[_BUSY], channel[_LAST]
                _remember(pipelines, tasks, channel, records, slot)
            return ended
    return _repeat(pipelines, tasks, channel, records[slot])
