"""The rules of an operation's pipeline, without a clock: the one description that every run of it follows.

Three stages: fetch, work, store. Between fetch and work there is room for ``fetch depth`` tiles, the one at work
included, between work and store for ``store depth``: two where a buffer is double-buffered, else one. So piece i is
fetched when piece i - fetch depth is worked off, and worked on when it is there and piece i - store depth is stored.

One DMA engine moves the tiles of an operation in a fixed order: piece i + fetch depth in, then piece i out. Both may
start when piece i is worked off, so the order never holds up a transfer that could run; and as it is fixed, no change
of a duration can reorder an operation's own transfers: faster memory never makes one slower.

The first load from DRAM of an operation waits for the DRAM latency, during which the channel serves others. An
operation ends when its last data has arrived, a latency after it left for DRAM. A transfer through a level slower than
DRAM lags: it goes on for so long once it has given the channel back, and one without DRAM never takes the channel.
Where buffers prefetch, an operation may begin before its unit is free: held back, it fetches one tile, once the
operation before it has fetched all of its own and works on its last.
In each cycle, what ends is settled first (``settle``); only then does the channel take up the waiting transfer of
highest priority.

A pipeline is a row of integers (``Field``), so that these functions compile. Whoever drives it calls ``settle`` at the
start and after everything that ended, then looks at WORKING (ends after WORK_CYCLES) and at REQUEST (a transfer to
make, no sooner than after REQUEST_LATENCY).
"""

from __future__ import annotations

from enum import IntEnum

from accelsim.timing.pipelines.jit import compiled, inner
from accelsim.timing.pipelines.loops import BEGIN, END, MOST_NESTED, STEP, Integers, StepField
from accelsim.timing.pipelines.stalls import CAUSES, COUNTS, LEAD_IN, LEAD_OUT, Cause

NO_REQUEST, LOAD_REQUEST, STORE_REQUEST = range(3)
"""What REQUEST may be."""
MOST_HELD = 6
"""Tiles that a pipeline can hold between fetch and store."""


class Field(IntEnum):
    """Columns of a pipeline."""

    FETCH_DEPTH = 0
    STORE_DEPTH = 1
    LATENCY = 2
    WORKING = 3
    WORK_CYCLES = 4
    REQUEST = 5
    REQUEST_CYCLES = 6
    """Of the transfer on the channel, turnaround aside; 0 where it doesn't take the channel."""
    REQUEST_TURNAROUND = 7
    """What it costs to turn the channel round for it."""
    REQUEST_LATENCY = 8
    DONE = 9
    """Everything is stored."""
    ARRIVAL = 10
    """When the last data stored so far arrives."""
    AHEAD = 11
    """Tiles fetched and not worked off."""
    BEHIND = 12
    """Tiles worked off and not stored."""
    FRESH = 13
    """No work has begun."""
    LATENCY_DUE = 14
    """Nothing has been loaded or asked for."""
    IDLE_SINCE = 15
    PLACE = 16
    """Instruction of the next tile to fetch; -1 after the last."""
    DEPTH = 17
    """Loops around that place."""
    HELD_BACK = 18
    """The unit is still at work on another operation: the first tile may be fetched, no more."""
    IN_TAIL = 19
    """Everything is fetched, and all but one tile worked off: there is room for a tile of the next operation."""
    REQUEST_LAG = 20
    """How long the transfer goes on off the channel."""
    TURNS = 21
    """Turns done of each of these loops, from the outermost."""
    HELD = TURNS + MOST_NESTED
    """Steps of the tiles held, first those behind, then those ahead."""
    STALLS = HELD + MOST_HELD
    """Stall cycles by ``Cause``, then by level; then those before the first work and after the last."""
    END = STALLS + COUNTS


# Enumerations are too slow for compiled code; these are the same numbers.
_FETCH_DEPTH, _STORE_DEPTH, _LATENCY = int(Field.FETCH_DEPTH), int(Field.STORE_DEPTH), int(Field.LATENCY)
_WORKING, _WORK_CYCLES = int(Field.WORKING), int(Field.WORK_CYCLES)
_REQUEST, _REQUEST_CYCLES = int(Field.REQUEST), int(Field.REQUEST_CYCLES)
_REQUEST_TURNAROUND, _REQUEST_LATENCY = int(Field.REQUEST_TURNAROUND), int(Field.REQUEST_LATENCY)
_REQUEST_LAG = int(Field.REQUEST_LAG)
_DONE, _ARRIVAL, _AHEAD, _BEHIND = int(Field.DONE), int(Field.ARRIVAL), int(Field.AHEAD), int(Field.BEHIND)
_HELD_BACK, _IN_TAIL = int(Field.HELD_BACK), int(Field.IN_TAIL)
_FRESH, _LATENCY_DUE, _IDLE_SINCE = int(Field.FRESH), int(Field.LATENCY_DUE), int(Field.IDLE_SINCE)
_PLACE, _DEPTH, _TURNS, _HELD, _STALLS = (
    int(f) for f in (Field.PLACE, Field.DEPTH, Field.TURNS, Field.HELD, Field.STALLS)
)
_LOAD, _BUSY, _STORE = int(StepField.LOAD), int(StepField.BUSY), int(StepField.STORE)
_OPERANDS, _FIRST_TILE, _DRAM_LATENCY = int(Cause.OPERANDS), int(Cause.FIRST_TILE), int(Cause.DRAM_LATENCY)
_OUTPUT_BUFFER, _LAST_TILE, _DRAM_ROW = int(Cause.OUTPUT_BUFFER), int(Cause.LAST_TILE), int(Cause.DRAM_ROW)
_DRAM_TURNAROUND, _REFRESH, _DRAM_BUSY = int(Cause.DRAM_TURNAROUND), int(Cause.REFRESH), int(Cause.DRAM_BUSY)
_FIRST_LEVEL = len(Cause)
_LEAD_IN, _LEAD_OUT = _STALLS + LEAD_IN, _STALLS + LEAD_OUT
_TO_ROW, _TO_REFRESH = int(StepField.LOAD_ROW) - _LOAD, int(StepField.LOAD_REFRESH) - _LOAD
_TO_LAG, _TO_LEVEL = int(StepField.LOAD_LAG) - _LOAD, int(StepField.LOAD_LEVEL) - _LOAD


@compiled
def begin(
    pipeline: Integers, code: Integers, start: int, depths: tuple[int, int, int], now: int, held_back: bool
) -> None:
    """Put a pipeline at the start of a program; ``depths``: of fetch and store, and the DRAM latency in cycles."""
    for i in range(len(pipeline)):
        pipeline[i] = 0
    pipeline[_FETCH_DEPTH], pipeline[_STORE_DEPTH], pipeline[_LATENCY] = depths
    pipeline[_ARRIVAL] = pipeline[_IDLE_SINCE] = now
    pipeline[_FRESH] = pipeline[_LATENCY_DUE] = 1
    pipeline[_HELD_BACK] = held_back
    pipeline[_PLACE] = start
    _enter(pipeline, code)


@compiled
def settle(pipeline: Integers, code: Integers, steps: Integers, now: int) -> None:
    """Start what can start; pieces with nothing to move or to do pass at once."""
    while _start_work(pipeline, steps, now) or _next_transfer(pipeline, code, steps, now):
        pass
    fetched = pipeline[_PLACE] < 0 and not pipeline[_HELD_BACK]
    pipeline[_IN_TAIL] = fetched and pipeline[_AHEAD] <= 1
    pipeline[_DONE] = fetched and pipeline[_AHEAD] + pipeline[_BEHIND] == 0


@compiled
def release(pipeline: Integers, now: int) -> None:
    """The unit is free for a pipeline that was held back."""
    pipeline[_HELD_BACK] = 0
    pipeline[_IDLE_SINCE] = now


@compiled
def finish_work(pipeline: Integers, now: int) -> None:
    """The work that had started ended."""
    pipeline[_WORKING] = 0
    pipeline[_AHEAD] -= 1
    pipeline[_BEHIND] += 1
    pipeline[_IDLE_SINCE] = now
    if pipeline[_PLACE] < 0 and pipeline[_AHEAD] == 0:
        pipeline[_LEAD_OUT] = _stalled(pipeline)


@compiled
def finish_transfer(
    pipeline: Integers, code: Integers, steps: Integers, now: int, turnaround: int, waited: int
) -> None:
    """The requested transfer ended; it had waited for the channel, and the channel turned round for it, so long."""
    request = pipeline[_REQUEST]
    pipeline[_REQUEST] = NO_REQUEST
    if request == STORE_REQUEST:
        latency = pipeline[_LATENCY] if pipeline[_REQUEST_CYCLES] else 0
        pipeline[_ARRIVAL] = max(pipeline[_ARRIVAL], now + latency)
        _stored(pipeline, steps, now, turnaround, waited)
    else:
        _fetched(pipeline, code, steps, now, turnaround, waited)


@compiled
def finish(pipeline: Integers, now: int) -> None:
    """The last data stored has arrived."""
    pipeline[_STALLS + _DRAM_LATENCY] += now - pipeline[_IDLE_SINCE]
    pipeline[_LEAD_OUT] = _stalled(pipeline) - pipeline[_LEAD_OUT]


@inner
def _stalled(pipeline: Integers) -> int:
    """Stall cycles so far."""
    cycles = 0
    for i in range(CAUSES):
        cycles += pipeline[_STALLS + i]
    return cycles


@inner
def _start_work(pipeline: Integers, steps: Integers, now: int) -> bool:
    """True where a piece without work was passed."""
    idle = not pipeline[_WORKING] and not pipeline[_HELD_BACK]
    if not idle or pipeline[_AHEAD] == 0 or pipeline[_BEHIND] == pipeline[_STORE_DEPTH]:
        return False
    if pipeline[_FRESH]:
        pipeline[_FRESH] = 0
        pipeline[_LEAD_IN] = _stalled(pipeline)
    pipeline[_WORKING] = 1
    pipeline[_WORK_CYCLES] = steps[pipeline[_HELD + pipeline[_BEHIND]], _BUSY]
    if pipeline[_WORK_CYCLES]:
        return False
    finish_work(pipeline, now)
    return True


@inner
def _next_transfer(pipeline: Integers, code: Integers, steps: Integers, now: int) -> bool:
    """Ask for the next transfer in order, if it is ready; True where there was nothing to move."""
    if pipeline[_REQUEST] != NO_REQUEST:
        return False
    depth = 1 if pipeline[_HELD_BACK] else pipeline[_FETCH_DEPTH]
    if pipeline[_PLACE] >= 0 and pipeline[_AHEAD] + pipeline[_BEHIND] <= depth:
        if pipeline[_AHEAD] == depth:
            return False
        row, column, request = code[pipeline[_PLACE], 1], _LOAD, LOAD_REQUEST
    elif pipeline[_BEHIND]:
        row, column, request = pipeline[_HELD], _STORE, STORE_REQUEST
    else:
        return False
    if steps[row, column] + steps[row, column + _TO_LAG] == 0:
        if request == STORE_REQUEST:
            _stored(pipeline, steps, now, 0, 0)
        else:
            _fetched(pipeline, code, steps, now, 0, 0)
        return True
    pipeline[_REQUEST] = request
    pipeline[_REQUEST_CYCLES] = steps[row, column]
    pipeline[_REQUEST_TURNAROUND] = steps[row, column + 1]
    pipeline[_REQUEST_LAG] = steps[row, column + _TO_LAG]
    pipeline[_REQUEST_LATENCY] = 0
    if request == LOAD_REQUEST and pipeline[_REQUEST_CYCLES]:
        pipeline[_REQUEST_LATENCY] = pipeline[_LATENCY_DUE] * pipeline[_LATENCY]
        pipeline[_LATENCY_DUE] = 0
    return False


@inner
def _fetched(pipeline: Integers, code: Integers, steps: Integers, now: int, turnaround: int, waited: int) -> None:
    row = code[pipeline[_PLACE], 1]
    if pipeline[_AHEAD] == 0 and not pipeline[_WORKING] and not pipeline[_HELD_BACK]:
        if steps[row, _LOAD] + steps[row, _LOAD + _TO_LAG] == 0:
            _charge(pipeline, steps, row, _LOAD, now, turnaround, waited, _OUTPUT_BUFFER)
        elif pipeline[_FRESH]:
            latency = min(now - pipeline[_IDLE_SINCE], pipeline[_REQUEST_LATENCY])
            pipeline[_STALLS + _DRAM_LATENCY] += latency
            pipeline[_IDLE_SINCE] += latency
            _charge(pipeline, steps, row, _LOAD, now, turnaround, waited, _FIRST_TILE)
        else:
            _charge(pipeline, steps, row, _LOAD, now, turnaround, waited, _OPERANDS)
    pipeline[_HELD + pipeline[_BEHIND] + pipeline[_AHEAD]] = row
    pipeline[_AHEAD] += 1
    _advance(pipeline, code)


@inner
def _stored(pipeline: Integers, steps: Integers, now: int, turnaround: int, waited: int) -> None:
    if not pipeline[_WORKING]:
        if pipeline[_AHEAD]:
            _charge(pipeline, steps, pipeline[_HELD], _STORE, now, turnaround, waited, _OUTPUT_BUFFER)
        elif pipeline[_PLACE] < 0:
            _charge(pipeline, steps, pipeline[_HELD], _STORE, now, turnaround, waited, _LAST_TILE)
    held = pipeline[_BEHIND] + pipeline[_AHEAD]
    for i in range(held - 1):
        pipeline[_HELD + i] = pipeline[_HELD + i + 1]
    pipeline[_HELD + held - 1] = 0
    pipeline[_BEHIND] -= 1


@inner
def _charge(
    pipeline: Integers,
    steps: Integers,
    row: int,
    column: int,
    now: int,
    turnaround: int,
    waited: int,
    cause: int,
) -> None:
    """Blame the time since the unit fell idle on ``cause``, but parts of the transfer on DRAM or on a level."""
    cycles = now - pipeline[_IDLE_SINCE]
    pipeline[_IDLE_SINCE] = now
    whole = steps[row, column] + turnaround + steps[row, column + _TO_LAG]
    busy = min(waited, max(0, cycles - whole))
    pipeline[_STALLS + _DRAM_BUSY] += busy
    cycles -= busy
    if cycles and whole:
        row_share = cycles * steps[row, column + _TO_ROW] // whole
        turnaround_share = cycles * turnaround // whole
        refresh_share = cycles * steps[row, column + _TO_REFRESH] // whole
        level_share = cycles * steps[row, column + _TO_LAG] // whole
        pipeline[_STALLS + _DRAM_ROW] += row_share
        pipeline[_STALLS + _DRAM_TURNAROUND] += turnaround_share
        pipeline[_STALLS + _REFRESH] += refresh_share
        pipeline[_STALLS + _FIRST_LEVEL + steps[row, column + _TO_LEVEL]] += level_share
        cycles -= row_share + turnaround_share + refresh_share + level_share
    pipeline[_STALLS + cause] += cycles


@inner
def _advance(pipeline: Integers, code: Integers) -> None:
    """Go on to the next tile to fetch."""
    pipeline[_PLACE] += 1
    while code[pipeline[_PLACE], 0] == END:
        loop = _TURNS + pipeline[_DEPTH] - 1
        begin_at = code[pipeline[_PLACE], 1]
        pipeline[loop] += 1
        if pipeline[loop] < code[begin_at, 1]:
            pipeline[_PLACE] = begin_at + 1
            break
        pipeline[loop] = 0
        pipeline[_DEPTH] -= 1
        pipeline[_PLACE] += 1
    _enter(pipeline, code)


@inner
def _enter(pipeline: Integers, code: Integers) -> None:
    """Into the loops that begin here, up to a step."""
    while code[pipeline[_PLACE], 0] == BEGIN:
        pipeline[_DEPTH] += 1
        pipeline[_PLACE] += 1
    if code[pipeline[_PLACE], 0] != STEP:
        pipeline[_PLACE] = -1
