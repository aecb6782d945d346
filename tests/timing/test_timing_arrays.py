"""More arrays never make a step longer, whatever runs beside each other: fewer are used where that is faster."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, Dram
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import simulate
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.placed_step import PlacedStep, Run
from accelsim.timing.placement.residency import place_tensors
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.rows import Rows
from accelsim.timing.schedule_search import ScheduleSearch
from accelsim.timing.scheduling.least_left import Asked, LeastLeft
from accelsim.timing.scheduling.ordering import predecessors
from accelsim.timing.scheduling.priorities import Service
from accelsim.timing.tiled_step import Places, TiledStep

SIDES = st.sampled_from([16, 64, 200, 400])


@pytest.fixture(scope="module")
def any_program(programs):
    """Of many lengths; most operations have something to run beside."""

    def products(left, right):
        return st.tuples(st.builds(Gemm, st.just(left), SIDES, st.just(right)))

    return programs(st.integers(3, 16), SIDES, [Unit.MAC_ARRAY, Unit.MAC_ARRAY, Unit.VECTOR], products)


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    def make(count, kib=64, share=0.5, dram=8.0, **array):
        hw = edit(load("int8_range_bn"), "mac_array", count=count, rows=16, columns=16, **array)
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * 1024, resident_share=share)
        if isinstance(dram, Dram):
            return hw.model_copy(update={"dram": dram})
        return plain_dram(hw, dram, latency_cycles=20)

    return make


DDR4_AT_RANDOM = Dram(standard="DDR4-2400", pattern="random", first_row="conflict")
MACHINES = st.fixed_dictionaries(
    {
        "kib": st.sampled_from([16, 64, 512]),
        "share": st.sampled_from([0.0, 0.5]),
        "dram": st.sampled_from([2.0, 8.0, 64.0, Dram(standard="HBM2-2000"), DDR4_AT_RANDOM]),
        "dataflow": st.sampled_from(Dataflow),
        "prefetch": st.booleans(),
    }
)
CHECK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cycles(program, hw):
    try:
        return simulate(program, hw).total_cycles
    except UserError:
        assume(False)


@CHECK
@given(data=st.data(), given_machine=MACHINES, arrays=st.integers(1, 5), more=st.integers(1, 3))
def test_any_program(machine, any_program, data, given_machine, arrays, more):
    program = data.draw(any_program)
    before, after = (machine(count, **given_machine) for count in (arrays, arrays + more))
    assert cycles(program, after) <= cycles(program, before)


@CHECK
@given(data=st.data(), given_machine=MACHINES, arrays=st.integers(1, 4))
def test_what_is_left_is_never_too_much(machine, any_program, data, given_machine, arrays):
    """Else a schedule on fewer arrays would be given up that is shorter. Without prefetch, nothing begins early."""
    program = data.draw(any_program)
    hw = machine(arrays, **{**given_machine, "prefetch": False})
    try:
        step = PlannedStep(program, hw)
    except UserError:
        assume(False)
    timeline = step.simulate()
    residency, order = timeline.residency, predecessors(program)
    placed = PlacedStep(program, hw, residency)
    course = residency.placing.course
    turns = course.turns if course else range(len(order))
    asked = Asked.of(program, placed.plans, placed.dram_bytes_per_cycle)
    left = LeastLeft(asked, arrays, asked.chains(Rows.of(order), turns))
    for timing in sorted(timeline.operations, key=lambda timing: timing.start_cycle):
        assert left.least_end(timing.start_cycle) <= timeline.total_cycles
        left.begin(timing.index, timing.start_cycle)
    last = max(timing.start_cycle for timing in timeline.operations)
    assert last < left.least_end(last) <= timeline.total_cycles


def test_an_array_too_many_would_get_in_the_way(machine):
    """The list schedule is longer on three arrays than on two, so one stays idle, and all is as on two."""
    sides = [64, 64, 200, 200, 400, 200, 64]
    tensors = [TensorSpec(i, f"t{i}", (side, side), integer(8), Role.INTERNAL) for i, side in enumerate(sides)]
    read = [0, 1, 0, 1, 2, 5]
    gemms = [(400, 64, 64), (64, 64, 64), (200, 400, 200), (64, 64, 64), (64, 200, 400), (400, 400, 400)]
    phases = [Phase.DATA_GRADIENT] * 4 + [Phase.WEIGHT_GRADIENT] * 2
    operations = [
        Operation(i, "op", Unit.MAC_ARRAY, f"layer{i}", phases[i], (read[i],) * 2, (i + 1,), (Gemm(*gemms[i]),))
        for i in range(6)
    ]
    program, machines = Program(tensors, operations), [machine(count, share=0.0) for count in (2, 3)]
    two, three = (simulate(program, hw) for hw in machines)
    assert three == two
    placed = PlacedStep(program, machines[1], place_tensors(program, machines[1]))
    for service in Service:
        greedy = placed.tried(Run(service=service), 3)[0]
        assert greedy.at_once == 3
        assert greedy.cycles > 1.04 * three.total_cycles
    graph = schedule_graph(program, three)
    assert graph.replayed(graph.durations()) == [timing.end_cycle for timing in three.operations]
    assert not any(graph.gap_cycles(operation.index) for operation in operations)


def test_a_step_like_another_one_is_on_as_many_arrays(machine):
    """Whether or not more of them would be faster."""
    tensors = [TensorSpec(i, f"t{i}", (200, 200), integer(8), Role.INTERNAL) for i in range(4)]
    gemms = (Gemm(200, 200, 200),)
    operations = [
        Operation(i, "op", Unit.MAC_ARRAY, f"layer{i}", Phase.FORWARD, (0, 1), (i + 2,), gemms) for i in range(2)
    ]
    program = Program(tensors, operations)
    step = PlannedStep(program, machine(2, dram=64.0))
    whole, on_one = step.simulate(), simulate(program, machine(1, dram=64.0))
    assert (whole.products_at_once, on_one.products_at_once) == (2, 1)
    assert step.simulate(like=whole) == whole
    like_one = step.simulate(like=on_one)
    assert like_one == on_one
    assert like_one.total_cycles > whole.total_cycles


def test_a_planned_step_is_simulated_as_often_as_wanted(load, trace):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    step, free = PlannedStep(program, hw), frozenset({0, 5})
    assert step.simulate() == simulate(program, hw)
    assert step.simulate(untimed=free) == simulate(program, hw, untimed=free)
    assert step.simulate() == simulate(program, hw)


@CHECK
@given(data=st.data(), given_machine=MACHINES, arrays=st.integers(2, 6))
def test_numbers_of_arrays_that_are_passed_over_find_nothing_else(machine, any_program, data, given_machine, arrays):
    """Those on which no more products than on fewer are ever at work together, in schedules that are given up, too."""
    program = data.draw(any_program)
    hw = machine(arrays, **given_machine)
    try:
        step, issued = TiledStep(program, hw), PlacedStep(program, hw, place_tensors(program, hw))
    except UserError:
        assume(False)
    places = Places(program, hw, issued)
    each = [ScheduleSearch(places.placed, Run(), count).shortest() for count in range(arrays, 0, -1)]
    assert step.shortest(Run()).timeline() == min(each, key=lambda scheduled: scheduled.cycles).timeline()


def test_arrays_that_are_never_at_work_together_are_not_searched(load, edit, trace, monkeypatch):
    """Two products of the digits' network run side by side, whatever is tried and given up on eight arrays."""
    searched = []

    def noted(place, run, arrays):
        searched.append(arrays)
        return ScheduleSearch(place, run, arrays)

    monkeypatch.setattr("accelsim.timing.tiled_step.ScheduleSearch", noted)
    PlannedStep(trace("int8_range_bn"), edit(load("int8_range_bn"), "mac_array", count=8)).simulate()
    assert searched == [8, 1]
