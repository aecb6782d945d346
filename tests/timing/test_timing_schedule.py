"""Schedules of whole training steps."""

import math
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import DramModel, passes, product_cost, simulate
from accelsim.timing.mapping.lane_plan import lane_unit
from accelsim.timing.mapping.operands import moved_inputs
from accelsim.timing.memory.levels import DRAM
from accelsim.timing.memory.sram import SramTraffic
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.loops import assemble
from accelsim.timing.plan import Piece, Segment
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.least_left import Asked, LeastLeft
from accelsim.timing.scheduling.ordering import predecessors
from accelsim.timing.scheduling.rooms import waits_for_room
from accelsim.timing.scheduling.schedule import Schedule


def check(program, hw):
    """Every property that any schedule has."""
    timeline = simulate(program, hw)
    timings = timeline.operations
    assert [timing.index for timing in timings] == list(range(len(program.operations)))
    order = predecessors(program)
    rooms = waits_for_room(program, timeline.residency, Rows.of(order))
    for timing, needed, room in zip(timings, order, rooms, strict=True):
        given = max((timings[i].end_cycle for i in needed), default=0)
        ready = max((timings[i].end_cycle for i in (*needed, *room)), default=0)
        assert timing.wait_cycles == timing.start_cycle - ready >= 0
        assert timing.room_cycles == ready - given
        assert 0 <= timing.dependency_cycles <= given
        assert timing.stall_cycles >= 0
    check_units(program, hw, timings)
    check_bounds(program, hw, timeline)
    check_bytes(program, timeline)
    assert simulate(program, hw) == timeline
    return timeline


def check_units(program, hw, timings):
    held = defaultdict(list)
    for operation, timing in zip(program.operations, timings, strict=True):
        held[operation.unit] += [(timing.start_cycle, 1), (timing.end_cycle, -1)]
    for unit, changes in held.items():
        level = 0
        for _, change in sorted(changes):
            level += change
            assert level <= (hw.mac_array.count if unit is Unit.MAC_ARRAY else 1)


def check_bounds(program, hw, timeline):
    busy = defaultdict(int)
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        drained = in_drain(operation, timeline.residency)
        assert timing.compute_cycles == (0 if drained else compute_cycles(program, operation, hw))
        busy[operation.unit] += timing.compute_cycles
    for unit, cycles in busy.items():
        assert timeline.total_cycles >= cycles / (hw.mac_array.count if unit is Unit.MAC_ARRAY else 1)
    assert timeline.total_cycles >= timeline.dram_bytes / DramModel.of(hw).bytes_per_cycle


def in_drain(operation, residency):
    """True for a conversion that happens in the drain of the operation before it."""
    return bool(operation.inputs) and residency.in_flight.issuperset(operation.inputs)


def compute_cycles(program, operation, hw):
    if operation.gemms:
        once = sum(product_cost(gemm, hw.mac_array).cycles for gemm in operation.gemms)
        return once * passes(program, operation, hw.mac_array)
    return math.ceil(operation.work.elements / lane_unit(operation.unit, hw).lanes)


def check_bytes(program, timeline):
    place = timeline.residency.place
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        if in_drain(operation, timeline.residency):
            assert timing.dram_read_bytes == timing.dram_write_bytes == 0
            continue
        read = sum(tensor.bytes for tensor in moved_inputs(program, operation) if place(tensor.index) == DRAM)
        drained = [op for op in program.operations if in_drain(op, timeline.residency)]
        readers = [op for op in drained if set(op.inputs) & set(operation.outputs)]
        made = {tensor.index: tensor for op in (operation, *readers) for tensor in program.outputs_of(op)}
        written = sum(tensor.bytes for tensor in made.values() if place(tensor.index) == DRAM)
        assert timing.dram_read_bytes >= read
        assert timing.dram_write_bytes == written
        assert timing.sram != SramTraffic()


def test_shipped_accelerators(case):
    check(*case)


@st.composite
def programs(draw):
    """Random graphs of products and element-wise work on int8 tensors of up to 64 Ki elements."""
    count = draw(st.integers(1, 12))
    side = draw(st.sampled_from([1, 7, 32, 256]))
    tensors = [TensorSpec(i, f"t{i}", (side, side), integer(8), Role.INTERNAL) for i in range(count + 2)]
    made = []
    for i in range(count):
        inputs = (draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        phase = draw(st.sampled_from(Phase))
        unit = draw(st.sampled_from([Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM]))
        if unit is Unit.MAC_ARRAY:
            work, gemms = None, (Gemm(side, side, side),)
        else:
            work, gemms = Work(side * side, 0, 1, integer(8)), ()
        made.append(Operation(i, "op", unit, f"layer{i}", phase, inputs, (i + 2,), gemms=gemms, work=work))
    return Program(tensors, made)


@settings(max_examples=60, deadline=None)
@given(program=programs(), arrays=st.integers(1, 3), double=st.booleans(), kib=st.sampled_from([4, 64, 1024]))
def test_any_program(load, edit, program, arrays, double, kib):
    hw = edit(load("int8_range_bn"), "mac_array", count=arrays)
    for name in ("input", "weight", "output"):
        hw = edit(hw, f"buffers.{name}", double_buffered=double, capacity_bytes=kib * 1024)
    check(program, hw)


def test_more_bandwidth_never_hurts(case, edit):
    program, hw = case
    named = hw.dram.model == "standard"
    more = {"channels": 2} if named else {"bandwidth_bytes_per_s": 2 * hw.dram.bandwidth_bytes_per_s}
    faster = edit(hw, "dram", **more)
    assert simulate(program, faster).total_cycles <= simulate(program, hw).total_cycles


def test_more_arrays_never_hurt(case, edit):
    program, hw = case
    wider = edit(hw, "mac_array", count=2 * hw.mac_array.count)
    assert simulate(program, wider).total_cycles <= simulate(program, hw).total_cycles


@pytest.mark.parametrize(("arrays", "beside"), [(1, False), (2, True)])
def test_weight_gradient_runs_beside_the_data_gradient(trace, load, edit, arrays, beside):
    """With a second array, conv2d2's weight gradient overlaps a data-gradient product; with one it can't."""
    program = trace("int8_range_bn")
    timings = simulate(program, edit(load("int8_range_bn"), "mac_array", count=arrays)).operations
    products = [op for op in program.operations if op.unit is Unit.MAC_ARRAY]
    data = [timings[op.index] for op in products if op.phase is Phase.DATA_GRADIENT]
    weights = [timings[op.index] for op in products if op.phase is Phase.WEIGHT_GRADIENT]
    overlaps = [w.start_cycle < d.end_cycle and d.start_cycle < w.end_cycle for w in weights for d in data]
    assert any(overlaps) is beside


def test_the_serial_path_goes_first(load, edit):
    """Products that wait for the only array: data gradients before weight gradients, then issue order."""
    phases = [Phase.WEIGHT_GRADIENT, Phase.WEIGHT_GRADIENT, Phase.UPDATE, Phase.DATA_GRADIENT, Phase.DATA_GRADIENT]
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(7)]
    program = Program(
        tensors,
        [
            Operation(i, "matmul", Unit.MAC_ARRAY, f"layer{i}", phase, (0, 1), (i + 2,), gemms=(Gemm(64, 64, 64),))
            for i, phase in enumerate(phases)
        ],
    )
    timings = simulate(program, edit(load("int8_range_bn"), "mac_array", count=1)).operations
    assert sorted(range(5), key=lambda i: timings[i].start_cycle) == [3, 4, 0, 1, 2]


def test_updates_wait_for_the_readers_of_the_old_weights(trace, load):
    """Floating-point products read the master weights themselves, which the update overwrites."""
    program = trace("fp32")
    timings = simulate(program, load("fp32")).operations
    (update,) = [op for op in program.operations if op.opcode == "sgd" and op.layer == "conv2d2"]
    readers = [op for op in program.operations if update.inputs[0] in op.inputs and op.index < update.index]
    assert {op.opcode for op in readers} == {"conv2d", "conv2d_backward_data"}
    assert all(timings[op.index].end_cycle <= timings[update.index].start_cycle for op in readers)


def test_progress_is_reported(trace, load):
    seen = []
    program = trace("int8_range_bn")
    simulate(program, load("int8_range_bn"), lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, len(program.operations)) for i in range(len(program.operations))]


def test_an_empty_program_takes_no_time(load):
    assert simulate(Program(), load("fp32")).total_cycles == 0


def test_a_saved_program_times_the_same(trace, load):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    assert simulate(Program.from_json(program.to_json()), hw) == simulate(program, hw)


def test_all_that_ends_in_a_cycle_ends_before_a_unit_is_taken(load, plain_dram):
    """Two products wait for lane work and for a norm, which end in one cycle: the unit takes what ranks first."""
    environment, body = simpy.Environment(), Segment((Piece(10, 30, 0),) * 4)
    loops = assemble([body], Transfers(DramModel.of(plain_dram(load("int8_range_bn"), 1)).cost))
    units = Unit.VECTOR, Unit.NORM, Unit.MAC_ARRAY, Unit.MAC_ARRAY
    order, busy = [(), (), (1,), (0,)], [10 + 4 * 30, 10 + 4 * 30, 5, 5]
    asked = Asked(np.array(busy), np.zeros(4), np.array([unit is Unit.MAC_ARRAY for unit in units]))
    schedule = Schedule(
        environment,
        [SimpleNamespace(unit=unit) for unit in units],
        order,
        [SimpleNamespace(steps=body, busy_cycles=cycles) for cycles in busy],
        [0, 1, 3, 2],
        [loops.starts[0], None, None, None],
        EventPipelines(environment, loops, (2, 2, 0)),
        LeastLeft(asked, 1, asked.chains(Rows.of(order), range(4))),
        arrays=1,
        prefetch=False,
        ended=lambda done: None,
        before=None,
    )
    assert schedule.run().start_cycles.tolist() == [0, 0, 135, 130]
