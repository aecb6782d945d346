"""The compiled core of the fast run: units and dependencies from one event to the next, as in ``schedule``.

In each cycle: what is due ends, then free units take what waits for them (and what they take may end or ask again in
the same cycle), then DRAM serves the pipelines at work, up to the next end of an operation that moves nothing.
Operations are rows of one table (``OperationField``), units of another (``UnitField``); ``state`` has what they share.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.timing.pipelines.channel import FOREVER, ChannelField, TaskField, start_ready
from accelsim.timing.pipelines.jit import compiled, inner
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.pipelines.memory_system import forget, remove
from accelsim.timing.pipelines.recall import advance_or_recall
from accelsim.timing.pipelines.stages import Field, begin, release
from accelsim.timing.pipelines.stalls import COUNTS
from accelsim.timing.scheduling.fields import FINISHED, LATE, STUCK, LeftField, OperationField, StateField, UnitField
from accelsim.timing.scheduling.heap import pop, push

Floats = npt.NDArray[np.float64]


_UNIT, _WORKS, _START = int(OperationField.UNIT), int(OperationField.WORKS), int(OperationField.START)
_BUSY, _RANK = int(OperationField.BUSY), int(OperationField.RANK)
_CHAIN, _MISSING, _READY = int(OperationField.CHAIN), int(OperationField.MISSING), int(OperationField.READY)
_FETCH, _BEGUN, _END = int(OperationField.FETCH), int(OperationField.BEGUN), int(OperationField.END)
_OPERATION_STALLS = int(OperationField.STALLS)
_FREE, _LEAST_FREE, _TAILS = int(UnitField.FREE), int(UnitField.LEAST_FREE), int(UnitField.TAILS)
_WAITING, _FETCHING = int(UnitField.WAITING), int(UnitField.FETCHING)
_NOW, _BEFORE, _PREFETCH = int(StateField.NOW), int(StateField.BEFORE), int(StateField.PREFETCH)
_FINISHED, _ASKED = int(StateField.FINISHED), int(StateField.ASKED)
_CHAIN_END, _ON_CHIP = int(StateField.CHAIN_END), int(StateField.ON_CHIP)
_DRAM, _WORK, _SLACK = int(LeftField.DRAM), int(LeftField.WORK), int(LeftField.SLACK)
_CHANNEL_NOW, _COUNT = int(ChannelField.NOW), int(ChannelField.COUNT)
_TASK_PRIORITY = int(TaskField.PRIORITY)
_OPERATION, _TAIL, _ENDED = int(TaskField.OPERATION), int(TaskField.TAIL), int(TaskField.ENDED)
_PIPELINE_STALLS, _IN_TAIL = int(Field.STALLS), int(Field.IN_TAIL)


@inner
def _enqueue(operations: Integers, units: Integers, queues: Integers, state: Integers, index: int) -> bool:
    """Queue an operation at its unit, now that all it depends on has ended; True for one that does nothing."""
    row = operations[index]
    row[_READY] = state[_NOW]
    if not row[_WORKS]:
        row[_FETCH] = row[_BEGUN] = state[_NOW]
        return True
    unit = units[row[_UNIT]]
    push(queues[row[_UNIT]], unit[_WAITING], row[_RANK])
    unit[_WAITING] += 1
    state[_ASKED] = 1
    return False


@inner
def _finish(
    operations: Integers,
    units: Integers,
    queues: Integers,
    state: Integers,
    first_later: Integers,
    later: Integers,
    stack: Integers,
    index: int,
) -> None:
    """An operation ends; so do those at once that waited for it alone and do nothing."""
    stack[0], count = index, 1
    while count:
        count -= 1
        ended = stack[count]
        operations[ended, _END] = state[_NOW]
        state[_FINISHED] += 1
        for at in range(first_later[ended], first_later[ended + 1]):
            waiting = later[at]
            operations[waiting, _MISSING] -= 1
            if operations[waiting, _MISSING] == 0 and _enqueue(operations, units, queues, state, waiting):
                stack[count] = waiting
                count += 1


@inner
def _give_back(units: Integers, unit: int, tail: bool, state: Integers) -> None:
    """An operation has left its unit."""
    units[unit, _TAILS] -= tail
    units[unit, _FREE] += 1
    if units[unit, _WAITING] or units[unit, _FETCHING]:
        state[_ASKED] = 1


@inner
def _first(units: Integers, queues: Integers, by_rank: Integers, unit: int) -> int:
    """The waiting operation that a unit takes next, or -1."""
    return int(by_rank[queues[unit, 0]]) if units[unit, _WAITING] else -1


@inner
def _is_late(left: Floats, state: Integers) -> bool:
    rest = max(0, int(max(left[_DRAM], left[_WORK]) - left[_SLACK]))
    return bool(max(state[_CHAIN_END], state[_NOW] + rest) >= state[_BEFORE])


@inner
def _tell_tail(operations: Integers, units: Integers, state: Integers, pipeline: Integers, task: Integers) -> None:
    """Note once that a pipeline is in its tail."""
    if state[_PREFETCH] and pipeline[_IN_TAIL] and not task[_TAIL]:
        task[_TAIL] = 1
        units[operations[task[_OPERATION], _UNIT], _TAILS] += 1
        state[_ASKED] = 1


@inner
def _operate(
    operations: Integers,
    units: Integers,
    state: Integers,
    on_chip: Integers,
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
    code: Integers,
    steps: Integers,
    depths: tuple[int, int, int],
    index: int,
    held_back: bool,
) -> None:
    """An operation begins, or only its pipeline, or its unit is free now that it was held back for."""
    operation, now = operations[index], state[_NOW]
    released = operation[_FETCH] >= 0
    if not held_back:
        operation[_BEGUN] = now
    if not released:
        operation[_FETCH] = now
    if operation[_START] < 0:
        at = on_chip[state[_ON_CHIP]]
        at[0], at[1] = now + operation[_BUSY], index
        state[_ON_CHIP] += 1
        units[operation[_UNIT], _TAILS] += 1
        state[_ASKED] |= state[_PREFETCH]
        return
    channel[_CHANNEL_NOW] = now
    row = 0
    if released:
        while tasks[row, _OPERATION] != index:
            row += 1
        release(pipelines[row], now)
    else:
        row = channel[_COUNT]
        for i in range(tasks.shape[1]):
            tasks[row, i] = 0
        tasks[row, _TASK_PRIORITY], tasks[row, _OPERATION] = operation[_RANK], index
        channel[_COUNT] = row + 1
        begin(pipelines[row], code, operation[_START], depths, now, held_back)
    start_ready(pipelines, tasks, channel, code, steps, row)
    forget(channel)
    _tell_tail(operations, units, state, pipelines[row], tasks[row])


@inner
def _grant(
    operations: Integers,
    units: Integers,
    queues: Integers,
    fetching: Integers,
    by_rank: Integers,
    state: Integers,
    costs: Floats,
    left: Floats,
    begun: Integers,
) -> int:
    """Free units take what waits for them, and what they take next begins to fetch.

    Returns how many have ``begun``: their numbers, or -1 - number of one that only fetches.
    """
    count = 0
    for number in range(len(units)):
        unit = units[number]
        while True:
            index = _first(units, queues, by_rank, number)
            if unit[_FREE] and unit[_FETCHING]:
                begun[count] = by_rank[pop(fetching[number], unit[_FETCHING])]
                unit[_FETCHING] -= 1
            elif index >= 0 and (
                unit[_FREE] or (state[_PREFETCH] and unit[_FETCHING] < unit[_TAILS] and operations[index, _START] >= 0)
            ):
                left[_DRAM] -= costs[index, _DRAM]
                left[_WORK] -= costs[index, _WORK]
                state[_CHAIN_END] = max(state[_CHAIN_END], state[_NOW] + operations[index, _CHAIN])
                begun[count] = index if unit[_FREE] else -1 - index
                pop(queues[number], unit[_WAITING])
                unit[_WAITING] -= 1
            else:
                break
            if begun[count] >= 0:
                unit[_FREE] -= 1
                unit[_LEAST_FREE] = min(unit[_LEAST_FREE], unit[_FREE])
            else:
                push(fetching[number], unit[_FETCHING], operations[index, _RANK])
                unit[_FETCHING] += 1
            count += 1
    return count


@inner
def _end_on_chip(
    operations: Integers,
    units: Integers,
    queues: Integers,
    state: Integers,
    first_later: Integers,
    later: Integers,
    stack: Integers,
    on_chip: Integers,
) -> int:
    """End what moves nothing and is due; returns when the next of them is."""
    row, following = 0, FOREVER
    while row < state[_ON_CHIP]:
        if on_chip[row, 0] > state[_NOW]:
            following = min(following, on_chip[row, 0])
            row += 1
            continue
        index = on_chip[row, 1]
        state[_ON_CHIP] -= 1
        on_chip[row, 0], on_chip[row, 1] = on_chip[state[_ON_CHIP], 0], on_chip[state[_ON_CHIP], 1]
        _give_back(units, operations[index, _UNIT], True, state)
        _finish(operations, units, queues, state, first_later, later, stack, index)
    return int(following)


@inner
def _take_news(
    operations: Integers,
    units: Integers,
    queues: Integers,
    state: Integers,
    first_later: Integers,
    later: Integers,
    stack: Integers,
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
) -> None:
    """Pipelines that ended leave, and those that came to their tails are noted."""
    for row in range(channel[_COUNT] - 1, -1, -1):
        if tasks[row, _ENDED]:
            index = tasks[row, _OPERATION]
            for i in range(COUNTS):
                operations[index, _OPERATION_STALLS + i] = pipelines[row, _PIPELINE_STALLS + i]
            tail = bool(tasks[row, _TAIL])
            remove(pipelines, tasks, channel, row)
            _give_back(units, operations[index, _UNIT], tail, state)
            _finish(operations, units, queues, state, first_later, later, stack, index)
        else:
            _tell_tail(operations, units, state, pipelines[row], tasks[row])
    forget(channel)


@compiled
def run(
    operations: Integers,
    units: Integers,
    queues: Integers,
    fetching: Integers,
    by_rank: Integers,
    state: Integers,
    first_later: Integers,
    later: Integers,
    costs: Floats,
    left: Floats,
    stacks: Integers,
    on_chip: Integers,
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
    code: Integers,
    steps: Integers,
    depths: tuple[int, int, int],
    remembered: Integers,
    meta: Integers,
    growth: Integers,
    scratch: Integers,
    records: Integers,
) -> int:
    """Run a step to its end, or until it is certain that it doesn't end in time."""
    stack, begun = stacks[0], stacks[1]
    count = 0
    for index in range(len(operations)):
        if operations[index, _MISSING] == 0:
            begun[count] = index
            count += 1
    for i in range(count):
        if _enqueue(operations, units, queues, state, begun[i]):
            _finish(operations, units, queues, state, first_later, later, stack, begun[i])
    horizon = FOREVER
    while True:
        while state[_ASKED]:
            state[_ASKED] = 0
            count = _grant(operations, units, queues, fetching, by_rank, state, costs, left, begun)
            for i in range(count):
                held_back = begun[i] < 0
                _operate(
                    operations, units, state, on_chip, pipelines, tasks, channel, code, steps, depths,
                    -1 - begun[i] if held_back else begun[i], held_back,
                )  # fmt: skip
            horizon = _end_on_chip(operations, units, queues, state, first_later, later, stack, on_chip)
        if _is_late(left, state):
            return LATE
        if state[_FINISHED] == len(operations):
            return FINISHED
        if channel[_COUNT]:
            ended = advance_or_recall(
                pipelines, tasks, channel, code, steps, horizon, remembered, meta, growth, scratch, records
            )
            if ended < 0:
                return STUCK
            state[_NOW] = channel[_CHANNEL_NOW]
            if ended:
                _take_news(operations, units, queues, state, first_later, later, stack, pipelines, tasks, channel)
        elif horizon == FOREVER:
            return STUCK
        else:
            state[_NOW] = horizon
        horizon = _end_on_chip(operations, units, queues, state, first_later, later, stack, on_chip)
