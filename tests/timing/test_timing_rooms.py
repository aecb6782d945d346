"""No place on chip ever holds more than it has room for, whatever the order in which operations run."""

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware.memory import Level
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.placed_step import PlacedStep, Run
from accelsim.timing.placement.epilogues import applied
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.residency import Placing, place_tensors


def most_held(program, timeline, place):
    """Bytes that a place holds at its fullest: a tensor from the start of what makes it to the end of all that read.

    What is applied in the drain of an operation makes its results as that goes.
    """
    residency, timings = timeline.residency, timeline.operations
    heads = [operation for operation in program.operations if operation.index not in residency.fused]
    hosts = {each.index: head for head in heads for each in (head, *applied(program, head, residency.drained))}
    ends, changes = {}, []
    for operation in program.operations:
        for index in operation.inputs:
            ends[index] = max(ends.get(index, 0), timings[operation.index].end_cycle)
    for operation in program.operations:
        for tensor in program.outputs_of(operation):
            if tensor.index in residency.on_chip and residency.in_levels.get(tensor.index, 0) == place:
                start = timings[hosts[operation.index].index].start_cycle
                changes += [(start, 1, tensor.bytes), (ends[tensor.index], 0, -tensor.bytes)]
    return max(accumulate(size for _, _, size in sorted(changes)), default=0)


@pytest.mark.parametrize(
    ("hwconfig", "workload", "input_kib"),
    [
        pytest.param("tpu_v1", "cifar10_resnet20", None, marks=pytest.mark.slow),
        pytest.param("int8_range_bn", "cifar10_resnet20", 8192, marks=pytest.mark.slow),
        ("bf16", "digits_vit", 1024),
    ],
)
def test_networks(load, edit, trace, hwconfig, workload, input_kib):
    program, hw = trace(hwconfig, workload), load(hwconfig)
    if input_kib:
        hw = edit(hw, "buffers.input", capacity_bytes=input_kib * 1024, resident_share=0.5)
    timeline = simulate(program, hw)
    room, held = timeline.residency.room_bytes[0], most_held(program, timeline, 0)
    assert 0.8 * room < held <= room
    graph = schedule_graph(program, timeline)
    assert graph.replayed(graph.durations()) == [timing.end_cycle for timing in timeline.operations]
    waited = {edge.later for edges in graph.incoming for edge in edges if edge.kind == "room"}
    assert {timing.index for timing in timeline.operations if timing.room_cycles} <= waited


@st.composite
def programs(draw):
    """Operations of all phases that read any tensors before them, so that some run long after their turn."""
    count = draw(st.integers(3, 20))
    tensors = [TensorSpec(0, "t0", (64, 64), integer(8), Role.INTERNAL)]
    operations = []
    for i in range(count):
        side = draw(st.sampled_from([64, 128, 256]))
        tensors.append(TensorSpec(i + 1, f"t{i + 1}", (side, side), integer(8), Role.INTERNAL))
        inputs = tuple(draw(st.lists(st.integers(max(0, i - 4), i), min_size=2, max_size=2)))
        unit = draw(st.sampled_from([Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM]))
        opcode = draw(st.sampled_from(["op", "add"])) if i and unit is Unit.VECTOR else "op"
        if opcode == "add":
            tensors[-1] = replace(tensors[-1], shape=tensors[i].shape)
            side, inputs = tensors[i].shape[0], (i, inputs[0])
        gemms = (Gemm(side, draw(st.sampled_from([16, 1000])), side),) * (unit is Unit.MAC_ARRAY)
        work = None if gemms else Work(side**2 * draw(st.integers(1, 9)), 0, 1, integer(8))
        phase = draw(st.sampled_from(Phase))
        operations.append(Operation(i, opcode, unit, f"layer{i}", phase, inputs, (i + 1,), gemms, work))
    return Program(tensors, operations)


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    def make(kib, level_kib):
        hw = edit(load("int8_range_bn"), "mac_array", count=2)
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * 1024, resident_share=0.5)
        if level_kib:
            level = Level(name="l2", capacity_bytes=level_kib * 1024, bytes_per_cycle=64, resident_share=0.5)
            hw = edit(hw, "buffers", levels=(level,))
        return plain_dram(hw, 8)

    return make


def assert_within_room(program, timeline):
    """And the graph of the schedule gives it back."""
    for place, room in enumerate(timeline.residency.room_bytes):
        assert most_held(program, timeline, place) <= room
    graph = schedule_graph(program, timeline)
    assert graph.replayed(graph.durations()) == [timing.end_cycle for timing in timeline.operations]


CHECK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KIB = st.sampled_from([32, 64, 128, 256])
LEVEL_KIB = st.sampled_from([0, 128, 512])


@CHECK
@given(program=programs(), kib=KIB, level_kib=LEVEL_KIB)
def test_any_program(machine, program, kib, level_kib):
    try:
        timeline = simulate(program, machine(kib, level_kib))
    except UserError:
        assume(False)
    assert_within_room(program, timeline)


@CHECK
@given(
    program=programs(),
    kib=KIB,
    level_kib=LEVEL_KIB,
    prefetch=st.booleans(),
    rooms=st.booleans(),
    draw=st.randoms(use_true_random=False),
)
def test_any_course(machine, edit, program, kib, level_kib, prefetch, rooms, draw):
    """Placed for a course in which operations overlap, and run in another order."""
    hw = edit(machine(kib, level_kib).model_copy(update={"fused_epilogues": ("add",)}), "mac_array", prefetch=prefetch)

    def ranks():
        return tuple(draw.sample(range(len(program.operations)), len(program.operations)))

    try:
        course = PlacedStep(program, hw, place_tensors(program, hw)).tried(Run(ranks=ranks(), rooms=rooms), 2)[0].course
        for rule, in_cycles in ((each, way) for each in Rule for way in each.ways):
            spared = [draw.random() for _ in program.tensors]
            placed = PlacedStep(
                program, hw, place_tensors(program, hw, Placing(course, rule, in_cycles), spared=spared)
            )
            assert_within_room(program, placed.tried(Run(ranks=ranks()), 2)[0].timeline())
    except UserError:
        assume(False)
