"""Skipping steady states changes nothing: every field of every Timeline is that of the event run."""

from dataclasses import replace

import pytest
import simpy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, Level
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.memory.dram_model import DramModel, TransferCost
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.loops import assemble
from accelsim.timing.pipelines.memory_system import MemorySystem, Solo
from accelsim.timing.plan import Piece, Segment
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.planner import depths


def check(program, hw):
    try:
        fast = simulate(program, hw)
    except UserError:
        assume(False)
    assert fast == simulate(program, hw, skip=False)
    for timing in fast.operations:
        assert timing.stalls.total == timing.stall_cycles


ARRAYS = st.fixed_dictionaries(
    {
        "count": st.integers(1, 3),
        "rows": st.sampled_from([4, 16]),
        "columns": st.sampled_from([4, 16]),
        "dataflow": st.sampled_from(Dataflow),
        "edge_folds": st.sampled_from(["full", "used"]),
        "fold_overlap": st.sampled_from(["serial", "overlapped"]),
        "split_products": st.booleans(),
    }
)
MEMORIES = {
    "capacity_bytes": st.sampled_from([1024, 8192, 65536]),
    "double_buffered": st.booleans(),
    "resident_share": st.sampled_from([0.0, 0.5]),
    "banks": st.integers(1, 2),
    "ports": st.sampled_from(["separate", "shared"]),
}
BUFFERS = st.fixed_dictionaries(MEMORIES)
NAMES = st.sampled_from([(), ("l3",), ("l3", "l2")])


@st.composite
def levels_of_a_machine(draw):
    width, memory = st.sampled_from([1, 7, 64]), st.fixed_dictionaries(MEMORIES)
    return tuple(Level(name=name, bytes_per_cycle=draw(width), **draw(memory)) for name in draw(NAMES))


@st.composite
def machines(draw, load, edit, plain_dram):
    hw = edit(load(draw(st.sampled_from(["int8_range_bn", "tpu_v1"]))), "mac_array", **draw(ARRAYS))
    for name in ("input", "weight", "output"):
        hw = edit(hw, f"buffers.{name}", **draw(BUFFERS))
    hw = edit(hw, "buffers", levels=draw(levels_of_a_machine()))
    together = hw.buffers.input.double_buffered and hw.buffers.weight.double_buffered
    hw = edit(hw, "mac_array", prefetch=together and draw(st.booleans()))
    if draw(st.booleans()):
        hw = plain_dram(hw, draw(st.sampled_from([1, 7, 64])), draw(st.integers(0, 50)))
    return hw


@st.composite
def programs(draw):
    """Random graphs whose operations differ in size, so that long ones run beside several short ones."""
    count = draw(st.integers(1, 9))
    sides = draw(st.lists(st.sampled_from([1, 30, 64, 200]), min_size=count + 2, max_size=count + 2))
    tensors = [TensorSpec(i, f"t{i}", (side, side), integer(8), Role.INTERNAL) for i, side in enumerate(sides)]
    made = []
    for i in range(count):
        inputs = (draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        unit = draw(st.sampled_from([Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM]))
        gemm = Gemm(sides[inputs[0]], draw(st.sampled_from([3, 90, 300])), sides[inputs[1]])
        gemms = (gemm,) * draw(st.integers(1, 2)) if unit is Unit.MAC_ARRAY else ()
        work = None if gemms else Work(sides[inputs[0]] ** 2 * draw(st.integers(1, 9)), 0, 1, integer(8))
        phase = draw(st.sampled_from(Phase))
        made.append(Operation(i, "op", unit, f"layer{i}", phase, inputs, (i + 2,), gemms, work))
    return Program(tensors, made)


EXAMPLES = pytest.mark.parametrize("examples", [40, pytest.param(300, marks=pytest.mark.slow)])


@EXAMPLES
def test_any_program_on_any_machine(load, edit, plain_dram, examples):
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(programs(), machines(load, edit, plain_dram))
    def skips(program, hw):
        check(program, hw)

    skips()


@EXAMPLES
def test_any_program_over_and_over(load, edit, plain_dram, examples):
    """Runs of pipelines that come again are remembered, and the schedule that they lead to is the one by events."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(programs(), machines(load, edit, plain_dram), st.integers(2, 4))
    def recalls(program, hw, times):
        try:
            step = PlannedStep(over_and_over(program, times), hw)
        except UserError:
            assume(False)
        fast = step.simulate()
        assert fast == step.simulate(skip=False, like=fast)

    recalls()


def over_and_over(program, times):
    """The same layers, each time on what was made last."""
    tensors, operations = list(program.tensors), list(program.operations)
    for _ in range(times - 1):
        tensor, operation = len(tensors) - 2, len(operations)
        tensors += [replace(spec, index=spec.index + tensor) for spec in program.tensors[2:]]
        for each in program.operations:
            reads = tuple(index + tensor if index > 1 else index for index in each.inputs)
            writes = tuple(index + tensor for index in each.outputs)
            operations.append(replace(each, index=each.index + operation, inputs=reads, outputs=writes))
    return Program(tensors, operations)


def test_shipped_accelerators(case):
    check(*case)


BYTES = st.one_of(st.just(0), st.integers(0, 40))


def loops_of(levels):
    moved = st.lists(BYTES, min_size=1 + levels, max_size=1 + levels).map(tuple)
    return st.recursive(
        st.builds(Piece.of, moved, st.integers(0, 30), moved),
        lambda parts: st.builds(
            Segment, st.lists(parts, min_size=1, max_size=3).map(tuple), st.sampled_from([1, 2, 3, 10, 40])
        ),
        max_leaves=5,
    ).filter(is_small)


def is_small(loop):
    return isinstance(loop, Segment) and loop.moves and loop.pieces <= 3000


@EXAMPLES
def test_any_loops_side_by_side(load, edit, plain_dram, examples):
    """Pipelines of any pieces in any loops, started at any time."""

    @settings(max_examples=examples, deadline=None)
    @given(
        levels=levels_of_a_machine(),
        data=st.data(),
        starts=st.lists(st.integers(0, 500), min_size=4, max_size=4),
        room=st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(0, 20)),
        bandwidth=st.sampled_from([None, 1, 3, 10]),
    )
    def run(levels, data, starts, room, bandwidth):
        """Without a bandwidth, DRAM is a standard's, with rows and turnaround."""
        loops, hw = data.draw(st.lists(loops_of(len(levels)), min_size=1, max_size=4)), load("int8_range_bn")
        dram = DramModel.of(plain_dram(hw, bandwidth) if bandwidth else edit(hw, "dram", pattern="random"))
        programs, starts = assemble(loops, Transfers(dram.cost, levels)), sorted(starts[: len(loops)])
        assert event_run(programs, room, starts) == fast_run(programs, room, starts)

    run()


@EXAMPLES
def test_any_loops_alone_where_the_channel_turns_round_ahead(load, edit, examples):
    """Of a pipeline that has the channel to itself, idle cycles count; one that moves less takes no longer for it."""
    dram = DramModel.of(edit(load("int8_range_bn"), "dram", pattern="random"))
    longest = max(dram.to_read_cycles, dram.to_write_cycles)

    @settings(max_examples=examples, deadline=None)
    @given(levels=levels_of_a_machine(), data=st.data(), room=st.tuples(st.integers(1, 2), st.integers(1, 2), ROOMS))
    def run(levels, data, room):
        loops = data.draw(loops_of(len(levels)))
        transfers = Transfers(dram.cost, levels)
        program = assemble([loops], transfers)
        environment = simpy.Environment()
        ended = EventPipelines(environment, program, room, ahead=True).start(0, 0, held_back=False).ended
        environment.run(ended)
        solo = Solo(room, longest)
        found = solo.run(program, 0)
        assert (environment.now, ended.value) == (found.cycles, found.stalls)
        assert solo.run(program, 0) == found
        assert found.cycles <= Solo(room).run(program, 0).cycles
        # Without the latency, which the first load pays, and may hide beneath work that no later one has.
        at_once, less = Solo((*room[:2], 0), longest), Segment(tuple(data.draw(without_some(piece)) for piece in loops))
        assert at_once.run(assemble([less], transfers), 0).cycles <= at_once.run(program, 0).cycles

    run()


ROOMS = st.integers(0, 20)


@st.composite
def without_some(draw, piece):
    """A piece that may load, or store, nothing."""
    stays = st.sampled_from([0, 1, 1])
    loads, stores = ([draw(stays) * each for each in moved] for moved in (piece.loads, piece.stores))
    return Piece.of(tuple(loads), piece.busy_cycles, tuple(stores))


def event_run(programs, room, starts):
    environment = simpy.Environment()
    pipelines = EventPipelines(environment, programs, room)
    ended = {}

    def operate(i):
        yield environment.timeout(starts[i])
        stalls = yield pipelines.start(programs.starts[i], i, held_back=False).ended
        ended[i] = (environment.now, stalls)

    for i in range(len(starts)):
        environment.process(operate(i))
    environment.run()
    return ended


def fast_run(programs, room, starts):
    system = MemorySystem(programs, room, len(starts))
    waiting, tasks, ended = list(enumerate(starts)), {}, {}
    while waiting or tasks:
        if waiting and (not tasks or system.now == waiting[0][1]):
            i, start = waiting.pop(0)
            tasks[system.start(programs.starts[i], i, start)] = i
            continue
        for task in system.advance(waiting[0][1] if waiting else 1 << 62):
            ended[tasks.pop(task)] = (system.now, task.stalls)
    return ended


def test_what_was_stored_before_a_loop_arrives_no_later_for_it(load, plain_dram):
    """It arrives 1000 cycles after it left, within the loop, which stores nothing and is skipped."""
    dram = DramModel.of(plain_dram(load("int8_range_bn"), 1))
    loops = assemble([Segment((Piece(1, 1, 1), Segment((Piece(1, 2, 0),), 5000)))], Transfers(dram.cost))
    ((cycles, stalls),) = fast_run(loops, (2, 2, 1000), [0]).values()
    assert {0: (cycles, stalls)} == event_run(loops, (2, 2, 1000), [0])
    assert cycles == 1000 + 1 + 1 + 2 * 5000


def test_dram_turns_round_once_before_a_loop_that_only_reads():
    """A store comes before the loop's second load through the level alone; the load from DRAM behind it turns round."""
    levels = (Level(name="l2", capacity_bytes=1024, bytes_per_cycle=1),)
    loop = Segment((Piece.of((0, 20), 100, (0, 0)), Piece.of((10, 0), 100, (0, 0))), 1000)
    transfers = Transfers(lambda size_bytes, write: TransferCost(size_bytes, 0, 0, 500), levels)
    loops = assemble([Segment((Piece.of((0, 0), 100, (10, 0)), loop))], transfers)
    ((cycles, stalls),) = fast_run(loops, (2, 2, 0), [0]).values()
    assert {0: (cycles, stalls)} == event_run(loops, (2, 2, 0), [0])
    assert 100 + 2000 * 100 < cycles < 100 + 2000 * 100 + 3 * 500


def test_long_operations_take_no_longer_to_simulate(load, plain_dram):
    """A million million pieces in nested loops, in closed form: 30 cycles of work each, behind the first load."""
    hw = plain_dram(load("int8_range_bn"), 1)
    dram = DramModel.of(hw)
    inner = Segment((Piece(10, 30, 0),), 10**6)
    loops = assemble([Segment((inner, Piece(5, 30, 5)), 10**6)], Transfers(dram.cost))
    found = Solo(depths(hw.buffers, dram)).run(loops, 0)
    assert found.cycles == 10 + 30 * 10**6 * (10**6 + 1) + 5


@pytest.mark.parametrize("skip", [True, False])
def test_progress_and_untimed_operations_work_in_both_runs(trace, load, skip):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    untimed = frozenset(op.index for op in program.operations if op.phase is Phase.WEIGHT_GRADIENT)
    found = simulate(program, hw, untimed=untimed, skip=skip)
    assert all(found.operations[i].end_cycle == found.operations[i].start_cycle for i in untimed)
    assert found.total_cycles < simulate(program, hw).total_cycles


@pytest.mark.parametrize("beside", [(Unit.VECTOR,), (Unit.VECTOR, Unit.NORM)])
def test_what_was_held_back_is_released_wherever_its_pipeline_is(load, edit, plain_dram, beside):
    """Products of one tile that prefetch, once a first one has ended, beside work that began with it and is longer."""
    tensors = [TensorSpec(i, f"t{i}", (4, 4), integer(8), Role.INTERNAL) for i in range(9)]
    product = Operation(0, "op", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), (Gemm(4, 4, 4),))
    work = Work(100_000, 0, 1, integer(8))
    longer = [Operation(0, "op", unit, "l", Phase.FORWARD, (0,), (2,), work=work) for unit in beside]
    each = [product, *longer, *[replace(product, inputs=(2, 1))] * 4]
    operations = [replace(operation, index=i, outputs=(i + 2,)) for i, operation in enumerate(each)]
    program = Program(tensors, operations)
    hw = edit(plain_dram(load("int8_range_bn"), 16, 20), "mac_array", count=1, prefetch=True)
    check(program, hw)
    timings = simulate(program, hw).operations
    assert all(timing.prefetch_cycles > 0 for timing in timings[-3:])
    assert timings[-1].end_cycle < min(timing.end_cycle for timing in timings[1 : 1 + len(beside)])
