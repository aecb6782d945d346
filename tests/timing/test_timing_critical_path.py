"""Critical path and slack: exact on any schedule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.analysis.critical_path import critical_path
from accelsim.timing.analysis.instances import assign_instances, instances_of
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.placement.lifetimes import Course
from accelsim.timing.placement.residency import Placing, Residency
from accelsim.timing.plan import NOTHING
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.ordering import predecessors
from accelsim.timing.scheduling.rooms import Waits, waits_for_room
from accelsim.timing.timeline import OperationTiming, Timeline


def check(program, hw):
    """Every property that critical path and slacks of any schedule have."""
    timeline = simulate(program, hw)
    path = critical_path(program, timeline)
    check_replay(schedule_graph(program, timeline), timeline, path.slack_cycles)
    check_path(program, timeline, path)
    return timeline, path


def check_replay(graph, timeline, slack):
    ends = [timing.end_cycle for timing in timeline.operations]
    durations = graph.durations()
    assert graph.replayed(durations) == ends
    assert min(slack) == 0
    for index in range(len(ends)):
        delayed = [cycles + slack[index] * (i == index) for i, cycles in enumerate(durations)]
        assert max(graph.replayed(delayed)) == timeline.total_cycles
        delayed[index] += 1
        assert max(graph.replayed(delayed)) == timeline.total_cycles + 1


def check_path(program, timeline, path):
    needed = predecessors(program)
    rooms = waits_for_room(program, timeline.residency, Rows.of(needed))
    cycle, before = 0, None
    for step in path.steps:
        timing = timeline.operations[step.index]
        assert (step.start_cycle, step.end_cycle) == (timing.start_cycle, timing.end_cycle)
        assert step.start_cycle == cycle + step.gap_cycles
        assert path.is_critical(step.index)
        if before is None:
            assert step.cause == "start"
        elif step.cause == "dependency":
            assert before in needed[step.index]
        elif step.cause == "room":
            assert before in rooms[step.index]
        else:
            assert program.operations[before].unit is program.operations[step.index].unit
        cycle, before = step.end_cycle, step.index
    assert cycle == timeline.total_cycles
    gaps = sum(step.gap_cycles for step in path.steps)
    assert sum(path.cycles_by_operation.values()) + gaps == timeline.total_cycles


@settings(max_examples=50, deadline=None)
@given(data=st.data(), arrays=st.integers(1, 3))
def test_any_program(data, graphs, load, edit, arrays):
    check(data.draw(graphs), edit(load("int8_range_bn"), "mac_array", count=arrays))


def test_what_takes_no_time_gives_room_to_what_was_issued_before_it():
    """``late`` waits for the room of what ``applied`` reads, in the drain of ``host``, and starts as that ends."""
    work = Work(64, 0, 1, integer(8))
    names, units = ("late", "host", "applied"), (Unit.NORM, Unit.MAC_ARRAY, Unit.VECTOR)
    operations = [
        Operation(i, "op", unit, name, Phase.FORWARD, (), (), (), work)
        for i, (name, unit) in enumerate(zip(names, units, strict=True))
    ]
    cycles = [(5, 9), (0, 5), (5, 5)]
    timings = [OperationTiming(i, start, end, 0, 0, 0, 0, NOTHING.sram) for i, (start, end) in enumerate(cycles)]
    placed = Residency(frozenset(), placing=Placing(Course((1, 2, 0), (0, 1, 2), (0, 5, 5, 9))))
    waits = Waits([(), (), (1,)], [{2}, set(), set()])
    timeline, program = Timeline(timings, placed, 1, (0, 1, 2), waits=waits), Program([], operations)
    graph, path = schedule_graph(program, timeline), critical_path(program, timeline)
    assert list(graph.order) == [1, 2, 0]
    check_replay(graph, timeline, path.slack_cycles)
    assert [step.cause for step in path.steps] == ["start", "dependency", "room"]


def test_shipped_accelerators(case):
    check(*case)


def test_every_wait_is_for_a_dependency_or_a_unit(case):
    program, hw = case
    graph = schedule_graph(program, simulate(program, hw))
    assert not any(graph.gap_cycles(operation.index) for operation in program.operations)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), arrays=st.integers(1, 3))
def test_no_unit_has_two_operations_at_once(data, graphs, load, edit, arrays):
    program, hw = data.draw(graphs), edit(load("int8_range_bn"), "mac_array", count=arrays)
    timeline = simulate(program, hw)
    until = {}
    places = assign_instances(program, timeline)
    for timing in sorted(timeline.operations, key=lambda timing: timing.start_cycle):
        unit, place = program.operations[timing.index].unit, places[timing.index]
        assert 0 <= place < instances_of(unit, hw)
        assert until.get((unit, place), 0) <= timing.start_cycle
        until[unit, place] = timing.end_cycle


def test_a_side_branch_has_the_slack_that_is_left(load):
    """A long vector operation, a short norm beside it, and a vector operation that needs both."""
    hw = load("int8_range_bn")
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(4)]
    operations = [
        Operation(i, "op", unit, "layer", Phase.FORWARD, inputs, (i + 1,), work=Work(4096 * size, 0, 1, integer(8)))
        for i, (unit, inputs, size) in enumerate(
            [(Unit.VECTOR, (0,), 90), (Unit.NORM, (0,), 1), (Unit.VECTOR, (1, 2), 1)]
        )
    ]
    timeline, path = check(Program(tensors, operations), hw)
    long, short, last = timeline.operations
    assert [step.index for step in path.steps] == [0, 2]
    assert [step.cause for step in path.steps] == ["start", "dependency"]
    assert path.slack_cycles == (0, long.end_cycle - short.end_cycle, 0)
    assert last.start_cycle == long.end_cycle > short.end_cycle


def test_a_busy_unit_is_named_as_the_cause(load, edit):
    """Two products that need nothing of each other, on one array."""
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(4)]
    operations = [
        Operation(i, "op", Unit.VECTOR, "layer", Phase.FORWARD, (0,), (i + 1,), work=Work(4096, 0, 1, integer(8)))
        for i in range(2)
    ]
    _, path = check(Program(tensors, operations), load("int8_range_bn"))
    assert [step.cause for step in path.steps] == ["start", "unit"]


def test_an_empty_program_has_no_path(load):
    path = critical_path(Program(), simulate(Program(), load("fp32")))
    assert (path.steps, path.slack_cycles) == ((), ())


@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "fp32"])
def test_weight_gradients_but_the_first_layers_have_slack(trace, load, edit, hwconfig):
    """All but one of the first two layers', which have little beside them, where nothing waits for room on chip."""
    program, hw = trace(hwconfig), edit(load(hwconfig), "buffers.input", resident_share=0)
    for name in ("weight", "output"):
        hw = edit(hw, f"buffers.{name}", resident_share=0)
    slack = critical_path(program, simulate(program, hw)).slack_cycles
    products = [op for op in program.operations if op.unit is Unit.MAC_ARRAY and op.phase is Phase.WEIGHT_GRADIENT]
    (critical,) = {op.layer for op in products if not slack[op.index]}
    assert critical in ("conv2d1", "conv2d2")
