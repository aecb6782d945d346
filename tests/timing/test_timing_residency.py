"""Where tensors live."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import place_tensors
from accelsim.timing.placement.drain import drain_of
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.lifetimes import lifetimes
from accelsim.timing.placement.residency import Placing, Residency, budget_bytes


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
    kept = {rule: place_tensors(asked, small, Placing(rule=rule)).on_chip for rule in Rule}
    assert kept[Rule.BYTE_TURNS] == {2, 3}  # 2 / 5 of t1, 3 / 3 and 2 / 2
    assert kept[Rule.TURNS] == {2, 3}  # 36, 40 and 50 bytes a turn
    assert kept[Rule.LAST_NEEDED] == {2, 3}
    wide = program([10, 100, 10, 10], [((0,), (1,)), ((0,), (2,)), ((2,), (3,)), ((3, 2), ()), ((1,), ())])
    kept = {rule: place_tensors(wide, small, Placing(rule=rule)).on_chip for rule in Rule}
    assert kept == {Rule.LAST_NEEDED: {2, 3}, Rule.BYTE_TURNS: {2, 3}, Rule.TURNS: {1}}


def test_a_long_life_costs_room(small):
    """The one needed last is there from the start; those that are given up for it save more."""
    steps = [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), (4,)), ((4,), (5,)), ((5, 1), ())]
    asked = program([10, 60, 50, 50, 50, 40], steps)
    assert place_tensors(asked, small, Placing(rule=Rule.BYTE_TURNS)).on_chip == {2, 3, 4, 5}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 70), min_size=4, max_size=12),
    reads=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=12, max_size=12),
    rule=st.sampled_from(Rule),
)
def test_no_rule_keeps_more_than_there_is_room_for(small, sizes, reads, rule):
    steps = [(tuple(max(0, i - back) for back in reads[i]), (i + 1,)) for i in range(len(sizes) - 1)]
    asked = program(sizes, steps)
    kept = place_tensors(asked, small, Placing(rule=rule)).on_chip
    last = {index: turn for turn, (inputs, _) in enumerate(steps) for index in inputs}
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
    found = lifetimes(program, {}, turns=(2, 0, 1))
    assert found.spent == [2, 2, 0, -1, -1, -1]
    assert list(found.turns) == [2, 0, 1]


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
