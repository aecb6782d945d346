"""The search over placements and orders of service: never worse than where it begins, and what it is for."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import MisfitError, UserError
from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing.analysis.room_waits import room_waits, to_give_up
from accelsim.timing.placed_step import PlacedStep, Run
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.residency import Placing, place_tensors
from accelsim.timing.planned_step import PlannedStep

BYTES = integer(8)


def tensor(index, side):
    return TensorSpec(index, f"t{index}", (side, side), BYTES, Role.INTERNAL)


@st.composite
def programs(draw):
    """Products and conversions of all phases, on tensors of which some fit on chip together, and some don't."""
    count = draw(st.integers(3, 16))
    sides = draw(st.lists(st.sampled_from([64, 128, 256]), min_size=count + 1, max_size=count + 1))
    operations = []
    for i in range(count):
        inputs = tuple(draw(st.lists(st.integers(max(0, i - 4), i), min_size=2, max_size=2)))
        unit = draw(st.sampled_from([Unit.MAC_ARRAY, Unit.QUANTISE, Unit.QUANTISE, Unit.VECTOR]))
        gemms = (Gemm(sides[i + 1], draw(st.sampled_from([16, 1000])), sides[i + 1]),) * (unit is Unit.MAC_ARRAY)
        work = None if gemms else Work(sides[i + 1] ** 2 * draw(st.integers(1, 9)), 0, 1, BYTES)
        operations.append(
            Operation(i, "op", unit, f"l{i}", draw(st.sampled_from(Phase)), inputs, (i + 1,), gemms, work)
        )
    return Program([tensor(i, side) for i, side in enumerate(sides)], operations)


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    def make(kib, count=2):
        hw = edit(load("int8_range_bn"), "mac_array", count=count)
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * 1024, resident_share=0.5)
        return plain_dram(hw, 8)

    return make


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs(), kib=st.sampled_from([32, 64, 128, 256]))
def test_what_is_found_is_no_longer_than_the_greedy_schedule(machine, program, kib):
    """And all that waited on the critical path, all together, was waited for somewhere."""
    hw = machine(kib)
    try:
        timeline = PlannedStep(program, hw).simulate()
    except UserError:
        assume(False)
    greedy = PlacedStep(program, hw, place_tensors(program, hw)).schedule(Run(), 2)
    assert timeline.total_cycles <= greedy.cycles
    for found in (timeline, greedy.timeline()):
        waits = room_waits(program, found)
        assert all(0 < wait.cycles <= found.operations[wait.waiting].room_cycles for wait in waits)


def test_what_one_waits_for_long_is_moved(machine):
    """``t1`` fills the chip until a long product at the end of the queue has read it; ``t3`` would wait for that."""
    reader = Operation(1, "op", Unit.MAC_ARRAY, "l1", Phase.WEIGHT_GRADIENT, (1, 1), (2,), (Gemm(256, 20000, 256),))
    operations = [
        Operation(0, "op", Unit.VECTOR, "l0", Phase.FORWARD, (0,), (1,), (), Work(256 * 256, 0, 1, BYTES)),
        reader,
        Operation(2, "op", Unit.VECTOR, "l2", Phase.DATA_GRADIENT, (0,), (3,), (), Work(256 * 256, 0, 1, BYTES)),
        Operation(3, "op", Unit.MAC_ARRAY, "l3", Phase.DATA_GRADIENT, (3, 3), (4,), (Gemm(256, 20000, 256),)),
    ]
    program, hw = Program([tensor(i, 256) for i in range(5)], operations), machine(50)
    greedy = PlacedStep(program, hw, place_tensors(program, hw)).schedule(Run(), 2)
    (wait,) = room_waits(program, greedy.timeline())
    assert (wait.waiting, wait.blocking) == (2, 1)
    # Each of the two would go out once and come in for its one reader, 65 536 bytes at 8 a cycle.
    for cycles, promising in ((2 * 8192, []), (2 * 8192 + 1, [(0, 1), (0, 3)])):
        assert to_give_up(program, greedy.timeline(), [replace(wait, cycles=cycles)], 8.0) == promising
    timeline = PlannedStep(program, hw).simulate()
    assert timeline.residency.placing.given_up <= {(0, 1), (0, 3)} != frozenset()
    assert timeline.total_cycles < 0.7 * greedy.cycles
    assert room_waits(program, timeline) == []


def test_a_wait_for_room_begins_when_all_else_is_there(machine):
    """``t3`` also needs the result of ``norm``, which takes longer than what its unit did before."""
    work = Work(256 * 256, 0, 1, BYTES)
    operations = [
        Operation(0, "op", Unit.VECTOR, "l0", Phase.FORWARD, (0,), (1,), (), work),
        Operation(1, "op", Unit.MAC_ARRAY, "l1", Phase.WEIGHT_GRADIENT, (1, 1), (2,), (Gemm(256, 20000, 256),)),
        Operation(2, "op", Unit.NORM, "norm", Phase.FORWARD, (0,), (5,), (), replace(work, elements=10 * 256 * 256)),
        Operation(3, "op", Unit.VECTOR, "l3", Phase.DATA_GRADIENT, (0, 5), (3,), (), work),
        Operation(4, "op", Unit.MAC_ARRAY, "l4", Phase.DATA_GRADIENT, (3, 3), (4,), (Gemm(256, 20000, 256),)),
    ]
    program, hw = Program([*(tensor(i, 256) for i in range(5)), tensor(5, 1)], operations), machine(50)
    timeline = PlacedStep(program, hw, place_tensors(program, hw)).schedule(Run(), 2).timeline()
    (wait,) = room_waits(program, timeline)
    _, reader, norm, *_ = timeline.operations
    assert (wait.waiting, wait.blocking, wait.cycles) == (3, 1, reader.end_cycle - norm.end_cycle)


def test_a_placement_in_which_something_does_not_fit_is_left_out(load, edit):
    """``image`` is read with a stride of two: from DRAM in bursts that fill the buffer, on chip pixel by pixel.

    The first rule gives ``often`` up, which is needed later; by its uses it would come before ``image``.
    """
    hw = load("int8_range_bn")
    hw = edit(hw, "buffers.input", capacity_bytes=96, resident_share=0)
    hw = edit(hw, "buffers.output", capacity_bytes=64 * 1024, resident_share=0.3)
    shapes = {"given": (8, 8), "image": (32, 8, 8, 8), "often": (16, 1024), "weight": (1, 1, 8, 8), "o": (32, 4, 4, 8)}
    tensors = [
        TensorSpec(i, name, shape, BYTES, Role.INTERNAL, name == "weight")
        for i, (name, shape) in enumerate(shapes.items())
    ]
    window = {"kernel": (1, 1), "stride": (2, 2), "padding": (0, 0)}
    work = Work(1024, 0, 1, BYTES)
    operations = [
        Operation(0, "op", Unit.VECTOR, "l0", Phase.FORWARD, (0,), (1,), (), work),
        Operation(1, "op", Unit.VECTOR, "l1", Phase.FORWARD, (0,), (2,), (), work),
        Operation(2, "op", Unit.VECTOR, "l2", Phase.FORWARD, (2,), (), (), work),
        Operation(3, "op", Unit.VECTOR, "l3", Phase.FORWARD, (2,), (), (), work),
        Operation(4, "conv2d", Unit.MAC_ARRAY, "l4", Phase.FORWARD, (1, 3), (4,), (Gemm(512, 8, 8),), None, window),
        Operation(5, "op", Unit.VECTOR, "l5", Phase.FORWARD, (2,), (), (), work),
    ]
    program = Program(tensors, operations)
    assert place_tensors(program, hw).on_chip == {1}
    with pytest.raises(MisfitError, match=r"l4.*buffers\.input"):
        PlacedStep(program, hw, place_tensors(program, hw, Placing(rule=Rule.BYTE_TURNS)))
    assert PlannedStep(program, hw).simulate().residency.on_chip == {1}
