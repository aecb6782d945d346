"""Where tensors live."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import place_tensors
from accelsim.timing.placed_step import Run, Scheduled
from accelsim.timing.placement.drain import drain_of
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.lifetimes import Course, lifetimes
from accelsim.timing.placement.residency import Placing, Residency, budget_bytes
from accelsim.timing.placement.spared import spared_cycles
from accelsim.timing.scheduling.held import Held


def program(sizes, operations, persistent=()):
    tensors = [
        TensorSpec(i, f"t{i}", (size,), integer(8), Role.INTERNAL, i in persistent) for i, size in enumerate(sizes)
    ]
    made = [
        Operation(i, "add", Unit.VECTOR, "layer", Phase.FORWARD, inputs, outputs)
        for i, (inputs, outputs) in enumerate(operations)
    ]
    return Program(tensors, made)


@pytest.fixture
def small(load, edit):
    """100 bytes are left for resident tensors."""
    hw = edit(load("int8_range_bn"), "buffers.input", capacity_bytes=100)
    return edit(hw, "buffers.output", capacity_bytes=100)


def test_resident_share_and_tiles_split_each_buffer(small, edit):
    assert budget_bytes(small.buffers) == 100
    shared = edit(small, "buffers.output", resident_share=0.2).buffers
    assert budget_bytes(shared) == 70
    assert shared.output.resident_bytes + 2 * shared.output.tile_bytes == 100
    alone = edit(small, "buffers.output", resident_share=0.2, double_buffered=False).buffers.output
    assert alone.tile_bytes == 80


def test_where_space_runs_out_the_tensor_needed_last_is_given_up(small):
    steps = [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), ()), ((1,), ())]
    found = place_tensors(program([10, 60, 40, 50], steps), small)
    assert [found.where(i) for i in range(4)] == ["dram", "dram", "on_chip", "on_chip"]


def test_what_saves_most_for_its_room_stays(small):
    """``t1`` is read once, three operations on; ``t2`` is read twice within them, ``t3`` once at once."""
    steps = [((0,), (1,)), ((0,), (2,)), ((2,), (3,)), ((3, 2), ()), ((1,), ())]
    asked = program([10, 90, 40, 50], steps)
    spared = [0.0, 9.0, 0.0, 3.0]
    kept = {rule: place_tensors(asked, small, Placing(rule=rule), spared=spared).on_chip for rule in Rule}
    assert kept[Rule.TRAFFIC] == {2, 3}  # 36 bytes a turn, 40 and 50
    assert kept[Rule.WAITING] == {1}  # 9 / 5 of t1, 0 / 3 and 3 / 2
    assert kept[Rule.WAITING_BY_ROOM] == {2, 3}  # 9 / 450, 0 / 120 and 3 / 100
    assert kept[Rule.LAST_NEEDED] == {2, 3}
    wide = program([10, 100, 10, 10], [((0,), (1,)), ((0,), (2,)), ((2,), (3,)), ((3, 2), ()), ((1,), ())])
    kept = {rule: place_tensors(wide, small, Placing(rule=rule)).on_chip for rule in (Rule.LAST_NEEDED, Rule.TRAFFIC)}
    assert kept == {Rule.LAST_NEEDED: {2, 3}, Rule.TRAFFIC: {1}}


def test_a_long_life_costs_room(small):
    """The one needed last is there from the start; those that are given up for it save more."""
    steps = [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), (4,)), ((4,), (5,)), ((5, 1), ())]
    asked = program([10, 60, 50, 50, 50, 40], steps)
    assert place_tensors(asked, small, Placing(rule=Rule.TRAFFIC)).on_chip == {2, 3, 4, 5}


def test_time_may_be_counted_in_cycles_of_a_known_course(small):
    """``t1`` is there for four turns, and ``t2`` for two, of which one is long."""
    steps = [((0,), (1,)), ((0,), (2,)), ((2,), ()), ((1,), ())]
    asked = program([10, 60, 50], steps)
    course = Course((0, 1, 2, 3), (0, 1, 2, 3), (0, 1, 2, 90, 92))
    kept = [place_tensors(asked, small, Placing(course, Rule.TRAFFIC, cycles)).on_chip for cycles in (False, True)]
    assert kept == [{2}, {1}]  # 2 x 60 / 4 and 2 x 50 / 2; 120 / 92 and 100 / 89


def test_what_is_read_for_long_is_there_until_its_reader_ends(small):
    """``t1`` is read by an operation that is still at work as ``t3`` is made."""
    steps = [((0,), (1,)), ((1,), (2,)), ((0,), (3,)), ((3,), ())]
    asked = program([10, 60, 10, 60], steps)
    turns, cycles = (0, 1, 2, 3), (0, 1, 2, 3, 9)
    one_by_one, beside = Course(turns, (0, 1, 2, 3), cycles), Course(turns, (0, 2, 2, 3), cycles)
    assert place_tensors(asked, small, Placing(one_by_one)).on_chip == {1, 3}
    assert len(place_tensors(asked, small, Placing(beside)).on_chip) == 1


def test_a_schedule_says_which_operations_are_there_beside_each_other():
    held = Held.of(*(np.array(cycles) for cycles in ([0] * 5, [0] * 5, [7, 0, 0, 3, 7], [8, 7, 3, 9, 7], [[0]] * 5)))
    course = Scheduled(None, Run(), (), held, 1, 1).course
    assert course.turns == (1, 2, 3, 0, 4)
    # Operation 1 ends as 0 and 4 begin, and 3 runs on beside both; 4 takes no time.
    assert course.last_turns == (4, 2, 1, 4, 4)
    assert course.cycles == (0, 0, 3, 7, 7, 9)


def test_a_tensor_spares_what_nothing_hides():
    """At 10 bytes a cycle: the first operation would wait 4 + 6 - 7 cycles, the second moves beside its work."""
    asked = program([40, 60, 20], [((0,), (1,)), ((1, 1), (2,))])
    first, second, third = spared_cycles(asked, {}, [7, 50], 10.0)
    assert (first, second, third) == pytest.approx((3 + 4 / 50, 3 + 12 / 50, 2 / 50))
    drained = {1: [asked.operations[1]]}
    assert spared_cycles(asked, drained, [3, 0], 10.0) == pytest.approx([1 + 4 / 50, 0, 2 + 2 / 50])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 70), min_size=4, max_size=12),
    reads=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=12, max_size=12),
    lasts=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    rule=st.sampled_from(Rule),
    in_cycles=st.booleans(),
)
def test_no_rule_keeps_more_than_there_is_room_for(small, sizes, reads, lasts, rule, in_cycles):
    steps = [(tuple(max(0, i - back) for back in reads[i]), (i + 1,)) for i in range(len(sizes) - 1)]
    asked, count = program(sizes, steps), len(steps)
    until = tuple(min(count - 1, turn + lasts[turn]) for turn in range(count))
    placing = Placing(Course(tuple(range(count)), until, tuple(range(0, 5 * count + 1, 5))), rule, in_cycles)
    kept = place_tensors(asked, small, placing, spared=sizes[::-1]).on_chip
    last = defaultdict(int)
    for turn, (inputs, _) in enumerate(steps):
        for index in inputs:
            last[index] = max(last[index], until[turn])
    for turn in range(len(steps)):
        alive = [index for index in kept if index - 1 <= turn <= last[index]]
        assert sum(sizes[index] for index in alive) <= 100
    fits = sum(sizes[1:]) <= 100
    assert not fits or kept == {index for index in range(1, len(sizes)) if index in last}


def test_a_chain_that_fits_stays_on_chip(small):
    chain = program([10, 50, 50, 50], [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), ())])
    found = place_tensors(chain, small)
    assert [found.where(i) for i in range(4)] == ["dram", "on_chip", "on_chip", "on_chip"]


def test_parameters_and_unread_results_live_in_dram(small):
    found = place_tensors(program([10, 10, 10], [((0,), (1, 2))], persistent={1}), small)
    assert not found.on_chip


@pytest.mark.parametrize("rule", Rule)
def test_what_is_overwritten_or_from_before_the_step_lives_in_dram(small, rule):
    """``t1`` is made twice, ``t2`` is read before it is made, and by what makes it."""
    steps = [((0, 2), (1,)), ((1,), (3,)), ((3, 2), (1, 2)), ((1, 2), ())]
    assert place_tensors(program([10] * 4, steps), small, Placing(rule=rule), spared=[1.0] * 4).on_chip == {3}


def test_resident_bytes_stay_within_the_budget(case):
    traced, hw = case
    found = place_tensors(traced, hw)
    last = {i: op.index for op in traced.operations for i in op.inputs}
    made = {i: op.index for op in traced.operations for i in op.outputs}
    for operation in traced.operations:
        alive = [i for i in found.on_chip if made[i] <= operation.index <= last[i]]
        assert sum(traced.tensors[i].bytes for i in alive) <= budget_bytes(hw.buffers)


def moved_bytes(traced, residency):
    """What tensors in DRAM cost: written once, read by each user."""
    touched = ({*op.inputs, *op.outputs} for op in traced.operations)
    return sum(traced.tensors[i].bytes for each in touched for i in each if residency.where(i) == "dram")


@pytest.mark.parametrize("workload", ["digits_cnn", "cifar10_resnet20", "gpt2_small"])
def test_on_shipped_networks_more_room_never_moves_more(trace, load, edit, workload):
    """The rule doesn't promise it for every program."""
    traced, hw = trace("int8_range_bn", workload), load("int8_range_bn")
    moved = []
    for eighths in range(8, 81, 3):
        capacity = hw.buffers.input.capacity_bytes * 2 ** (eighths / 8) / 4
        moved.append(
            moved_bytes(traced, place_tensors(traced, edit(hw, "buffers.input", capacity_bytes=int(capacity))))
        )
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > moved[-1]


def test_what_lives_until_when_goes_by_the_turns_of_its_readers():
    tensors = [TensorSpec(i, f"t{i}", (8,), integer(8), Role.INTERNAL) for i in range(6)]
    operations = [Operation(i, "op", Unit.VECTOR, "l", Phase.FORWARD, (i, 0), (i + 3,)) for i in range(3)]
    program = Program(tensors, operations)
    assert lifetimes(program, {}).spent == [2, 1, 2, -1, -1, -1]
    found = lifetimes(program, {}, Course((2, 0, 1), (1, 2, 0), (0, 5, 7, 9)))
    assert found.spent == [2, 2, 0, -1, -1, -1]
    assert list(found.turns) == [2, 0, 1]
    assert found.spans == {5: (0, 1), 3: (1, 2), 4: (2, 3)}
    assert lifetimes(program, {}, Course((2, 0, 1), (2, 2, 1), (0, 5, 7, 9))).spent == [2, 2, 1, -1, -1, -1]


@pytest.mark.parametrize(("host", "own_steps"), [(Unit.MAC_ARRAY, 0), (Unit.VECTOR, 65)])
def test_a_drain_is_held_to_the_busiest_lanes_of_other_units(host, own_steps):
    """65 elements take 64 vector lanes two cycles, and 16 lanes that quantise five."""
    tensors = [TensorSpec(i, f"t{i}", (65,), integer(8), Role.INTERNAL) for i in range(5)]
    work = Work(65, 0, 1, integer(8))
    units = (host, Unit.VECTOR, Unit.NORM, Unit.QUANTISE)
    operations = [
        Operation(i, "op", unit, "l", Phase.FORWARD, (i,), (i + 1,), (), work) for i, unit in enumerate(units)
    ]
    drained = {index: [operations[index]] for index in (1, 2, 3)}
    lanes = {Unit.VECTOR: 64, Unit.NORM: 32, Unit.QUANTISE: 16}
    residency = Residency(frozenset(), drained=drained)
    found = drain_of(Program(tensors, operations), operations[0], residency, lanes.__getitem__)
    assert (found.cycles, found.own_steps) == (5, own_steps)
    assert found.stored == (tensors[4],)
