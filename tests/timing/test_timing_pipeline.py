"""The three-stage pipeline, by hand-counted examples, in both runs."""

import pytest
import simpy

from accelsim.errors import InternalError
from accelsim.hardware import Level
from accelsim.timing.memory.dram_model import DramModel, TransferCost
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.loops import MOST_NESTED, StepField, assemble
from accelsim.timing.pipelines.memory_system import Solo
from accelsim.timing.pipelines.stalls import CAUSES, Cause
from accelsim.timing.plan import Piece, Segment
from accelsim.timing.planner import depths


@pytest.fixture
def one_byte_a_cycle(load, plain_dram):
    hw = load("int8_range_bn")
    return plain_dram(hw, bytes_per_cycle=1)


def run(hw, pieces, levels=()):
    """(cycles, stalls by cause or level) of an operation alone; the event run and the fast run agree."""
    dram = DramModel.of(hw)
    loops = assemble([Segment(tuple(pieces))], Transfers(dram.cost, levels))
    environment = simpy.Environment()
    stages = depths(hw.buffers, dram)
    ended = EventPipelines(environment, loops, stages).start(loops.starts[0], 0, held_back=False).ended
    environment.run()
    fast = Solo(stages).run(loops, loops.starts[0])
    assert (fast.cycles, fast.stalls) == (environment.now, ended.value)
    stalls = ended.value[:CAUSES]
    assert sum(stalls) == environment.now - sum(piece.busy_cycles for piece in pieces)
    names = [*Cause, *(level.name for level in levels)]
    return environment.now, {names[i]: cycles for i, cycles in enumerate(stalls) if cycles}


def cycles(hw, pieces):
    return run(hw, pieces)[0]


def serial(hw, edit):
    for name in ("input", "weight", "output"):
        hw = edit(hw, f"buffers.{name}", double_buffered=False)
    return hw


def test_loads_hide_behind_work(one_byte_a_cycle):
    assert run(one_byte_a_cycle, [Piece(10, 30, 0)] * 4) == (10 + 4 * 30, {Cause.FIRST_TILE: 10})


def test_work_hides_behind_loads(one_byte_a_cycle):
    stalls = {Cause.FIRST_TILE: 30, Cause.OPERANDS: 3 * 20}
    assert run(one_byte_a_cycle, [Piece(30, 10, 0)] * 4) == (4 * 30 + 10, stalls)


def test_without_double_buffering_stages_take_turns(one_byte_a_cycle, edit):
    assert cycles(serial(one_byte_a_cycle, edit), [Piece(10, 30, 0)] * 4) == 4 * (10 + 30)
    assert cycles(serial(one_byte_a_cycle, edit), [Piece(10, 30, 20)] * 4) == 4 * (10 + 30 + 20)


def test_slow_stores_hold_up_the_unit(one_byte_a_cycle):
    """Two results fit: piece 2 starts when result 0 has left, at 1 + 10 + 50."""
    stalls = {Cause.FIRST_TILE: 1, Cause.OUTPUT_BUFFER: 40 + 40, Cause.LAST_TILE: 90}
    assert run(one_byte_a_cycle, [Piece(1, 10, 50), *[Piece(0, 10, 50)] * 3]) == (1 + 10 + 4 * 50, stalls)


def test_bandwidth_bounds_everything(one_byte_a_cycle):
    pieces = [Piece(10, 1, 10)] * 50
    assert 1000 <= cycles(one_byte_a_cycle, pieces) <= 1000 + 2


def test_latency_is_charged_once_for_loads_and_once_for_stores(one_byte_a_cycle, plain_dram):
    slow = plain_dram(one_byte_a_cycle, bytes_per_cycle=1, latency_cycles=100)
    pieces = [Piece(10, 30, 5)] * 4
    plain, stalls = run(slow, pieces)
    assert plain == cycles(one_byte_a_cycle, pieces) + 200
    assert stalls == {Cause.DRAM_LATENCY: 200, Cause.FIRST_TILE: 10, Cause.LAST_TILE: 5}


def test_transfers_round_up_to_cycles(load, plain_dram):
    assert cycles(plain_dram(load("int8_range_bn"), bytes_per_cycle=3), [Piece(10, 0, 0)]) == 4


def test_rows_turnaround_and_refresh_are_told_apart(load, edit):
    """On a DDR4 part, alternating loads and stores turn the bus round, and all of it refreshes."""
    hw = edit(load("int8_range_bn"), "dram", pattern="random")
    stalls = run(hw, [Piece(6400, 10, 6400)] * 8)[1]
    assert {Cause.DRAM_ROW, Cause.DRAM_TURNAROUND, Cause.REFRESH} <= stalls.keys()


def test_a_level_as_fast_as_half_of_dram(load, plain_dram):
    """20 bytes are 10 cycles on the channel, and 10 more through the level: half of each wait is for the level."""
    hw = plain_dram(load("int8_range_bn"), bytes_per_cycle=2)
    level = Level(name="l2", capacity_bytes=1024, bytes_per_cycle=1)
    loaded, stored = [Piece.of((20, 0), 5, (0, 0))] * 4, [Piece.of((0, 0), 5, (20, 0))] * 4
    assert run(hw, loaded, [level]) == (4 * 20 + 5, {Cause.FIRST_TILE: 10, Cause.OPERANDS: 3 * 8, "l2": 10 + 3 * 7})
    stalls = {Cause.OUTPUT_BUFFER: 2 * 8, Cause.LAST_TILE: 8 + 10, "l2": 3 * 7 + 10}
    assert run(hw, stored, [level]) == (5 + 4 * 20, stalls)


def test_loads_cost_what_reads_do_and_stores_what_writes_do():
    transfers = Transfers(lambda size_bytes, write: TransferCost(3 * size_bytes if write else size_bytes, 0, 0, 0))
    (step,) = assemble([Segment((Piece(10, 5, 10),))], transfers).steps.tolist()
    assert (step[StepField.LOAD], step[StepField.BUSY], step[StepField.STORE]) == (10, 5, 30)


def nested(depth):
    """One piece in so many loops of two turns each."""
    loop = Segment((Piece(1, 10, 0),), 2)
    for _ in range(depth - 1):
        loop = Segment((loop,), 2)
    return loop


def test_loops_nest_so_deep_and_no_deeper(one_byte_a_cycle):
    dram = DramModel.of(one_byte_a_cycle)
    loops = assemble([nested(MOST_NESTED)], Transfers(dram.cost))
    assert Solo(depths(one_byte_a_cycle.buffers, dram)).run(loops, 0).cycles == 1 + 10 * 2**MOST_NESTED
    with pytest.raises(InternalError, match="more than 8 loops within each other"):
        assemble([nested(MOST_NESTED + 1)], Transfers(dram.cost))


def test_of_transfers_asked_for_in_one_cycle_the_first_in_rank_goes_first(one_byte_a_cycle):
    """Even where the other one was heard of before."""
    environment = simpy.Environment()
    loops = assemble([Segment((Piece(10, 30, 0),))], Transfers(DramModel.of(one_byte_a_cycle).cost))
    pipelines, ended = EventPipelines(environment, loops, (2, 2, 0)), {}

    def operate(rank, events):
        for _ in range(events):
            yield environment.timeout(0)
        yield pipelines.start(loops.starts[0], rank, held_back=False).ended
        ended[rank] = environment.now

    for rank, events in ((1, 0), (0, 3)):
        environment.process(operate(rank, events))
    environment.run()
    assert ended == {0: 10 + 30, 1: 10 + 10 + 30}


def test_the_tail_begins_with_the_last_work_and_what_is_held_back_fetches_one_tile(one_byte_a_cycle):
    """The last of four tiles comes at 80, while the third is at work until 100: only then is there room for another."""
    environment, tails = simpy.Environment(), []
    loops = assemble([Segment((Piece(10, 30, 0),) * 4)], Transfers(DramModel.of(one_byte_a_cycle).cost))
    pipelines = EventPipelines(environment, loops, (2, 2, 0))
    first = pipelines.start(loops.starts[0], 0, held_back=False)
    first.tailed.callbacks.append(lambda _: tails.append(environment.now))
    environment.run()
    assert (tails, environment.now) == ([10 + 3 * 30], 10 + 4 * 30)
    held_back = pipelines.start(loops.starts[0], 1, held_back=True)
    environment.run()
    assert environment.now == 130 + 10
    pipelines.release(held_back)
    environment.run()
    assert (environment.now, sum(held_back.ended.value[:CAUSES])) == (140 + 4 * 30, 0)
    released_early = pipelines.start(loops.starts[0], 2, held_back=True)
    environment.run(260 + 4)
    pipelines.release(released_early)
    environment.run()
    assert (environment.now, released_early.ended.value[Cause.FIRST_TILE]) == (260 + 10 + 4 * 30, 10 - 4)
