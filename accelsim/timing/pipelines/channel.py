"""Pipelines at work on one DRAM channel, from one event to the next: the compiled core of the fast run.

In each cycle: what is due ends (``finish_due``), then the free channel takes up the waiting transfer of highest
priority (``grant``). Pipelines are the rows of three tables: their stages, their tasks (``TaskField``), and in
``channel`` what they share (``ChannelField``).
"""

from __future__ import annotations

from enum import IntEnum

from accelsim.timing.pipelines.jit import compiled, inner
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.pipelines.stages import (
    NO_REQUEST,
    STORE_REQUEST,
    Field,
    begin,
    finish,
    finish_transfer,
    finish_work,
    settle,
)

FOREVER = 1 << 62
"""A cycle that never comes."""
NOT_MOVING, IN_LATENCY, WAITING, MOVING, LAGGING = range(5)
"""What MOVE may be: where a pipeline's transfer is; lagging, it has left the channel, or never needs it."""
NO_TRANSFER, READ, WRITTEN = range(3)
"""What LAST may be: the direction of the transfer before."""


class TaskField(IntEnum):
    """Columns of a task."""

    PRIORITY = 0
    """Lower goes first; distinct."""
    MOVE = 1
    MOVE_DUE = 2
    WORK_DUE = 3
    EVENTS = 4
    """How often something ended or began."""
    LAST_CHECK = 5
    """CHECKS at the last event."""
    ENDED = 6
    DUE = 7
    """Cycle of the next event, or FOREVER."""
    TAIL = 8
    """Its pipeline is in its tail, and that was told."""
    TURNAROUND = 9
    """Paid by its transfer under way."""
    ASKED = 10
    """Since when its transfer waits for the channel."""
    WAITED = 11
    """How long its transfer under way waited for the channel."""
    OPERATION = 12
    """Whose pipeline it is."""


class ChannelField(IntEnum):
    """What all pipelines share."""

    NOW = 0
    COUNT = 1
    """Pipelines at work: the first rows."""
    BUSY = 2
    """Whether a transfer has the channel."""
    LAST = 3
    CHECKS = 4
    """How often states were compared."""
    ANCHOR = 5
    """Pipeline at whose grants states are compared, or -1."""
    GRANTS = 6
    """Since states were compared."""
    GENERATION = 7
    """Of remembered states: older ones are of other pipelines."""
    FRUITLESS = 8
    """Comparisons since the last skip."""
    TELLS_TAILS = 9
    """Whether a pipeline that comes to its tail is an event of the outside."""
    FREE_SINCE = 10
    """When the last transfer gave the channel back."""
    AHEAD_CYCLES = 11
    """The longest turn, where the channel turns round ahead for a pipeline that has it to itself; else 0.

    The next transfer is known then, as their order is fixed, so that the idle bus counts, however long."""


_PRIORITY, _MOVE, _MOVE_DUE = int(TaskField.PRIORITY), int(TaskField.MOVE), int(TaskField.MOVE_DUE)
_WORK_DUE, _EVENTS, _LAST_CHECK = int(TaskField.WORK_DUE), int(TaskField.EVENTS), int(TaskField.LAST_CHECK)
_ENDED, _DUE, _TAIL = int(TaskField.ENDED), int(TaskField.DUE), int(TaskField.TAIL)
_TURNAROUND, _ASKED, _WAITED = int(TaskField.TURNAROUND), int(TaskField.ASKED), int(TaskField.WAITED)
_TELLS_TAILS, _IN_TAIL = int(ChannelField.TELLS_TAILS), int(Field.IN_TAIL)
_NOW, _COUNT, _BUSY, _LAST = (
    int(f) for f in (ChannelField.NOW, ChannelField.COUNT, ChannelField.BUSY, ChannelField.LAST)
)
_CHECKS = int(ChannelField.CHECKS)
_FREE_SINCE, _AHEAD_CYCLES = int(ChannelField.FREE_SINCE), int(ChannelField.AHEAD_CYCLES)
_WORKING, _WORK_CYCLES, _DONE, _ARRIVAL = (
    int(f) for f in (Field.WORKING, Field.WORK_CYCLES, Field.DONE, Field.ARRIVAL)
)
_REQUEST, _REQUEST_CYCLES = int(Field.REQUEST), int(Field.REQUEST_CYCLES)
_REQUEST_TURNAROUND, _REQUEST_LATENCY = int(Field.REQUEST_TURNAROUND), int(Field.REQUEST_LATENCY)
_REQUEST_LAG = int(Field.REQUEST_LAG)


@inner
def set_due(pipelines: Integers, tasks: Integers, channel: Integers, row: int) -> None:
    """Work out when the next event of a pipeline is due."""
    due = FOREVER
    if pipelines[row, _DONE]:
        due = max(pipelines[row, _ARRIVAL], channel[_NOW])
    elif pipelines[row, _WORKING]:
        due = tasks[row, _WORK_DUE]
    if tasks[row, _MOVE] == IN_LATENCY or tasks[row, _MOVE] >= MOVING:
        due = min(due, tasks[row, _MOVE_DUE])
    tasks[row, _DUE] = due


@inner
def finish_due(pipelines: Integers, tasks: Integers, channel: Integers, code: Integers, steps: Integers) -> int:
    """End what is due now in every pipeline; returns how many ended whole or came to a tail to be told."""
    ended, now = 0, channel[_NOW]
    for row in range(channel[_COUNT]):
        while tasks[row, _DUE] <= now:
            if pipelines[row, _DONE]:
                finish(pipelines[row], now)
                tasks[row, _ENDED] = 1
                tasks[row, _DUE] = FOREVER
                ended += 1
                break
            note(tasks, channel, row)
            if pipelines[row, _WORKING] and tasks[row, _WORK_DUE] <= now:
                finish_work(pipelines[row], now)
            elif tasks[row, _MOVE] == IN_LATENCY:
                _ask(tasks, row, now)
            elif tasks[row, _MOVE] == MOVING and pipelines[row, _REQUEST_LAG]:
                _give_back(channel)
                _lag(pipelines, tasks, channel, row)
            else:
                if tasks[row, _MOVE] == MOVING:
                    _give_back(channel)
                tasks[row, _MOVE] = NOT_MOVING
                finish_transfer(pipelines[row], code, steps, now, tasks[row, _TURNAROUND], tasks[row, _WAITED])
            start_ready(pipelines, tasks, channel, code, steps, row)
            if channel[_TELLS_TAILS] and pipelines[row, _IN_TAIL] and not tasks[row, _TAIL]:
                ended += 1
    return ended


@compiled
def start_ready(
    pipelines: Integers, tasks: Integers, channel: Integers, code: Integers, steps: Integers, row: int
) -> None:
    """Start what can start in a pipeline."""
    now = channel[_NOW]
    worked = pipelines[row, _WORKING]
    settle(pipelines[row], code, steps, now)
    if pipelines[row, _WORKING] and not worked:
        tasks[row, _WORK_DUE] = now + pipelines[row, _WORK_CYCLES]
    if pipelines[row, _REQUEST] != NO_REQUEST and tasks[row, _MOVE] == NOT_MOVING:
        if pipelines[row, _REQUEST_LATENCY]:
            tasks[row, _MOVE] = IN_LATENCY
            tasks[row, _MOVE_DUE] = now + pipelines[row, _REQUEST_LATENCY]
        else:
            _ask(tasks, row, now)
    set_due(pipelines, tasks, channel, row)


@compiled
def start(
    pipelines: Integers,
    tasks: Integers,
    channel: Integers,
    code: Integers,
    steps: Integers,
    row: int,
    start_at: int,
    depths: tuple[int, int, int],
    held_back: bool,
) -> None:
    """Begin a program, and start what can start: one call, as each function costs time to load."""
    begin(pipelines[row], code, start_at, depths, channel[_NOW], held_back)
    start_ready(pipelines, tasks, channel, code, steps, row)


@inner
def grant(pipelines: Integers, tasks: Integers, channel: Integers) -> int:
    """Start transfers without DRAM, and give the free channel to the pipeline of highest priority that waits for it.

    Returns a row that started to move, that with the channel if there is one, or -1.
    """
    started, chosen = -1, -1
    for row in range(channel[_COUNT]):
        if tasks[row, _MOVE] == WAITING:
            if not pipelines[row, _REQUEST_CYCLES]:
                tasks[row, _TURNAROUND] = tasks[row, _WAITED] = 0
                _lag(pipelines, tasks, channel, row)
                set_due(pipelines, tasks, channel, row)
                note(tasks, channel, row)
                started = row
            elif chosen < 0 or tasks[row, _PRIORITY] < tasks[chosen, _PRIORITY]:
                chosen = row
    if channel[_BUSY] or chosen < 0:
        return started
    direction = WRITTEN if pipelines[chosen, _REQUEST] == STORE_REQUEST else READ
    turns = channel[_LAST] != NO_TRANSFER and channel[_LAST] != direction
    tasks[chosen, _TURNAROUND] = max(0, pipelines[chosen, _REQUEST_TURNAROUND] - turned_ahead(channel)) if turns else 0
    channel[_LAST] = direction
    channel[_BUSY] = 1
    tasks[chosen, _WAITED] = channel[_NOW] - tasks[chosen, _ASKED]
    tasks[chosen, _MOVE] = MOVING
    tasks[chosen, _MOVE_DUE] = channel[_NOW] + pipelines[chosen, _REQUEST_CYCLES] + tasks[chosen, _TURNAROUND]
    set_due(pipelines, tasks, channel, chosen)
    note(tasks, channel, chosen)
    return chosen


@inner
def turned_ahead(channel: Integers) -> int:
    """Cycles of a turn that are over before the next transfer asks for it."""
    return int(min(channel[_NOW] - channel[_FREE_SINCE], channel[_AHEAD_CYCLES]))


@inner
def _give_back(channel: Integers) -> None:
    channel[_BUSY] = 0
    channel[_FREE_SINCE] = channel[_NOW]


@inner
def _ask(tasks: Integers, row: int, now: int) -> None:
    """The transfer waits for the channel."""
    tasks[row, _MOVE] = WAITING
    tasks[row, _MOVE_DUE] = tasks[row, _ASKED] = now


@inner
def _lag(pipelines: Integers, tasks: Integers, channel: Integers, row: int) -> None:
    """The transfer goes on off the channel."""
    tasks[row, _MOVE] = LAGGING
    tasks[row, _MOVE_DUE] = channel[_NOW] + pipelines[row, _REQUEST_LAG]


@inner
def note(tasks: Integers, channel: Integers, row: int) -> None:
    """Something happened in a pipeline."""
    tasks[row, _EVENTS] += 1
    tasks[row, _LAST_CHECK] = channel[_CHECKS]
