"""The search over placements and orders of service: never worse than where it begins, and what it is for."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import MisfitError, UserError
from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing.analysis.overtaking import overtaking, waited_behind
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
    greedy = PlacedStep(program, hw, place_tensors(program, hw)).tried(Run(), 2)[0]
    assert timeline.total_cycles <= greedy.cycles


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs(), kib=st.sampled_from([8, 16, 32, 64]), count=st.sampled_from([1, 2]))
def test_a_search_for_tiles_never_makes_a_step_longer(machine, edit, program, kib, count):
    hw = machine(kib, count)
    searched = PlannedStep(program, edit(hw, "mac_array", tiling="search"))
    try:
        by_rule = PlannedStep(program, hw).simulate()
    except UserError:
        assume(False)
    timeline = searched.simulate()
    assert timeline.total_cycles <= by_rule.total_cycles
    assert searched.simulate(like=timeline) == timeline == searched.simulate(skip=False)


def test_a_step_that_is_shorter_with_tiles_of_the_rule_has_those(load, edit, trace):
    """Each product alone takes no longer with the tiles that are searched for."""
    hw, program = load("bf16"), trace("bf16", "fashion_mnist_mlp")
    searched = PlannedStep(program, edit(hw, "mac_array", tiling="search"))
    by_rule, timeline = PlannedStep(program, hw).simulate(), searched.simulate()
    assert timeline == by_rule
    assert searched.simulate(like=timeline) == by_rule
    free = frozenset(op.index for op in program.operations if op.phase is Phase.WEIGHT_GRADIENT)
    assert searched.simulate(untimed=free, like=timeline) == PlannedStep(program, hw).simulate(
        untimed=free, like=by_rule
    )


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
    greedy = PlacedStep(program, hw, place_tensors(program, hw)).tried(Run(), 2)[0]
    assert greedy.placed.residency.on_chip == {1, 3}
    _, product, waiting, _ = greedy.timeline().operations
    assert waiting.start_cycle == product.end_cycle
    assert waiting.room_cycles > 0.4 * greedy.cycles
    timeline = PlannedStep(program, hw).simulate()
    assert timeline.residency.on_chip < {1, 3}
    assert timeline.residency.placing.course is not None
    assert timeline.total_cycles < 0.7 * greedy.cycles
    assert not any(timing.room_cycles for timing in timeline.operations)


def test_what_stood_by_goes_before_what_its_unit_took_first(machine):
    """By phases the weight gradient ``long`` comes last, though ``after`` waits for it."""
    work = Work(64 * 64 * 64, 0, 1, BYTES)
    operations = [
        Operation(0, "op", Unit.QUANTISE, "short", Phase.DATA_GRADIENT, (0,), (1,), (), work),
        Operation(1, "op", Unit.QUANTISE, "long", Phase.WEIGHT_GRADIENT, (0,), (2,), (), work),
        Operation(2, "op", Unit.VECTOR, "after", Phase.WEIGHT_GRADIENT, (2,), (3,), (), replace(work, elements=10**7)),
    ]
    program, hw = Program([tensor(i, 64) for i in range(4)], operations), machine(256)
    placed = PlacedStep(program, hw, place_tensors(program, hw))
    by_phases = placed.tried(Run(), 1)[0]
    pairs = waited_behind(program, by_phases.outline(), by_phases.held.ready_cycles.tolist())
    assert pairs == [(1, 0)]
    overtaken = placed.tried(Run(ranks=overtaking(by_phases.ranks, *pairs[0])), 1)[0]
    first, second, _ = overtaken.timeline().operations
    assert second.end_cycle == first.start_cycle
    assert overtaken.cycles == by_phases.cycles - by_phases.held.end_cycles[0]
    assert waited_behind(program, overtaken.outline(), overtaken.held.ready_cycles.tolist()) == []
    assert PlannedStep(program, hw).simulate().total_cycles <= overtaken.cycles


@given(ranks=st.permutations(range(7)), pair=st.permutations(range(7)))
def test_overtaking_moves_one_alone(ranks, pair):
    index, other = sorted(pair[:2], key=lambda i: -ranks[i])
    found = overtaking(ranks, index, other)
    before, after = (sorted(range(7), key=order.__getitem__) for order in (ranks, found))
    assert after.index(index) + 1 == after.index(other)
    before.remove(index)
    after.remove(index)
    assert before == after


def test_a_placement_in_which_something_does_not_fit_is_left_out(load, edit):
    """``image`` is read with a stride of two: from DRAM in bursts that fill the buffer, on chip pixel by pixel.

    The first rule gives ``often`` up, which is needed later; by its traffic it would come before ``image``.
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
        PlacedStep(program, hw, place_tensors(program, hw, Placing(rule=Rule.TRAFFIC)))
    assert PlannedStep(program, hw).simulate().residency.on_chip == {1}
