"""Fused epilogues: what qualifies, that traffic and time shrink, and that nothing is lost."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.energy import operation_energy, step_energy
from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import place_tensors, product_cost, simulate
from accelsim.timing.analysis.critical_path import critical_path
from accelsim.timing.mapping.tiling import RESOLUTION
from accelsim.timing.placement.epilogues import applied, drained_tensors, streamed
from accelsim.timing.scheduling.ordering import predecessors

ALL = ("relu", "relu_backward", "add", "add_parameter", "gelu", "gelu_backward", "dropout", "dropout_backward")
SIDE = 64


def build(*steps, persistent=(), sizes=None, extra=None):
    """A program of ``(opcode, inputs)``: step i makes tensor 10 + i; tensors 0 to 9 come from the host."""
    count = 10 + len(steps)
    sizes, extra = sizes or {}, extra or {}
    tensors = [
        TensorSpec(i, f"t{i}", (sizes.get(i, SIDE), SIDE), integer(8), Role.INTERNAL, i in persistent)
        for i in range(count)
    ]
    operations = []
    for i, (opcode, inputs) in enumerate(steps):
        units = {"matmul": Unit.MAC_ARRAY, "requantise": Unit.QUANTISE, "normalise": Unit.NORM}
        unit, made = units.get(opcode, Unit.VECTOR), tensors[10 + i]
        gemms = (Gemm(made.shape[0], SIDE, SIDE),) if unit is Unit.MAC_ARRAY else ()
        work = None if gemms else Work(made.elements, 0, 1, integer(8))
        fields = (opcode, unit, f"l{i}", Phase.FORWARD, inputs, (10 + i, *extra.get(i, ())), gemms, work)
        operations.append(Operation(i, *fields, attributes={"one_pass": True} if opcode == "requantise" else {}))
    return Program(tensors, operations)


def in_drain(program, fused=ALL):
    """For each host, the operations in its drain."""
    drained = drained_tensors(program, fused)
    hosted = {reader.index for readers in drained.values() for reader in readers}
    found = {op.index: [each.index for each in applied(program, op, drained)] for op in program.operations}
    return {host: each for host, each in found.items() if each and host not in hosted}


def test_chains_are_applied_in_order():
    program = build(("matmul", (0, 1)), ("add", (10, 2)), ("relu", (11,)), ("requantise", (12,)), ("matmul", (13, 1)))
    assert in_drain(program) == {0: [1, 2, 3]}
    assert in_drain(program, ("add",)) == {0: [1], 2: [3]}
    assert in_drain(program, ()) == {2: [3]}
    drained = drained_tensors(program, ALL)
    beside = streamed(program, applied(program, program.operations[0], drained), drained)
    assert [tensor.index for tensor in beside] == [2]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((("matmul", (0, 1)), ("relu", (10,)), ("matmul", (10, 1))), "another reader"),
        ((("matmul", (0, 1)), ("max_pool2d", (10,))), "not element-wise"),
        ((("matmul", (0, 1)), ("matmul", (0, 2)), ("matmul", (11, 3)), ("add", (10, 12))), "made after the first"),
        ((("matmul", (0, 1)), ("add", (10, 10))), "both summands"),
    ],
)
def test_what_does_not_qualify(steps, why):
    assert 0 not in in_drain(build(*steps)), why


def test_a_sum_drains_from_the_summand_that_is_made_last():
    program = build(("matmul", (0, 1)), ("matmul", (0, 2)), ("add", (10, 11)))
    assert in_drain(program) == {1: [2]}
    drained = drained_tensors(program, ALL)
    assert predecessors(program)[1] == ()
    assert predecessors(program, drained)[1] == (0,)


def test_what_streams_in_is_not_overwritten_between():
    """The sum reads a parameter that is overwritten after the product, but before the sum."""
    between = build(("matmul", (0, 1)), ("update", (2,)), ("add", (10, 2)), persistent={2}, extra={1: (2,)})
    before = build(("update", (2,)), ("matmul", (0, 1)), ("add", (11, 2)), persistent={2}, extra={0: (2,)})
    assert in_drain(between) == {}
    assert in_drain(before) == {1: [2]}
    assert predecessors(before, drained_tensors(before, ALL))[1] == (0,)


def test_what_is_read_before_it_is_written_does_not_drain(machine):
    """Nor does what is written twice, or converted in place: each would be applied to a result that isn't its own."""
    before = build(("requantise", (2,)), ("matmul", (10, 1)), ("matmul", (11, 1)), persistent={2}, extra={2: (2,)})
    twice = build(("matmul", (0, 1)), ("matmul", (0, 2)), ("requantise", (10,)), extra={1: (10,)})
    in_place = build(("matmul", (0, 1)), ("requantise", (10,)), extra={1: (10,)})
    hw = machine(fused=ALL)
    for program in (before, twice, in_place):
        assert in_drain(program) == {}
        timings = simulate(program, hw).operations
        for later, needed in enumerate(predecessors(program)):
            assert all(timings[i].end_cycle <= timings[later].start_cycle for i in needed)


def test_a_conversion_of_two_results_drains_from_the_one_that_is_made_last():
    late = build(("matmul", (0, 1)), ("matmul", (0, 2)), ("requantise", (10, 11)))
    assert in_drain(late) == {1: [2]}
    assert predecessors(late, drained_tensors(late, ALL))[1] == (0,)


def test_other_shapes_and_parameters_do_not_fuse():
    assert in_drain(build(("matmul", (0, 1)), ("relu", (10,)), sizes={11: 2 * SIDE})) == {}
    assert in_drain(build(("update", (0,)), ("relu", (10,)), persistent={10})) == {}


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    """Buffers that keep nothing between operations."""

    def make(*, fused=(), kib=64, bytes_per_cycle=8, lanes=16):
        hw = edit(load("int8_range_bn"), "mac_array", rows=16, columns=16, count=1)
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * 1024, resident_share=0.0)
        hw = edit(hw, "vector_unit", lanes=lanes).model_copy(update={"fused_epilogues": fused})
        return plain_dram(hw, bytes_per_cycle, 10)

    return make


def test_what_a_fused_operation_costs(machine):
    """A product, a sum and a relu: the sum's other operand comes in, the result goes out, and nothing between."""
    program, lanes = build(("matmul", (0, 1)), ("add", (10, 2)), ("relu", (11,))), 2
    hw = machine(fused=("add", "relu"), lanes=lanes)
    timeline = simulate(program, hw)
    host, *others = timeline.operations
    tensor = SIDE * SIDE
    assert all(timing.end_cycle == timing.start_cycle == host.end_cycle for timing in others)
    assert (host.dram_read_bytes, host.dram_write_bytes) == (3 * tensor, tensor)
    assert host.end_cycle - host.start_cycle >= 2 * tensor // lanes
    assert host.stalls.conversion_cycles == 2 * tensor // lanes - host.compute_cycles
    assert [timeline.residency.where(index) for index in (10, 11, 12)] == ["in_flight", "in_flight", "dram"]
    array = product_cost(program.operations[0].gemms[0], hw.mac_array)
    assert host.sram.input.read_bytes == array.left_read_words + tensor
    assert host.sram.output.write_bytes == tensor + tensor
    assert host.sram.output.read_bytes == tensor + tensor


def test_lanes_of_the_same_unit_do_both(machine):
    program = build(("add", (0, 1)), ("relu", (10,)))
    (alone, _), (host, free) = (simulate(program, machine(fused=fused)).operations for fused in ((), ("relu",)))
    assert host.compute_cycles == 2 * alone.compute_cycles
    assert free.end_cycle == host.end_cycle
    assert host.stalls.conversion_cycles == 0


@st.composite
def chains(draw):
    """Products, each followed by element-wise work; sums take an earlier result or a tensor of the host."""
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        steps.append(("matmul", (9 + len(steps) if steps else 0, 1)))
        for opcode in draw(st.lists(st.sampled_from(["relu", "add", "requantise", "max_pool2d"]), max_size=4)):
            before = 9 + len(steps)
            beside = draw(st.sampled_from([2, *range(10, before)]))
            steps.append((opcode, (before, beside) if opcode == "add" else (before,)))
    rows = draw(st.sampled_from([16, 64, 2048]))
    return build(*steps, sizes=dict.fromkeys((0, *range(2, 10 + len(steps))), rows))


CHECK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECK
@given(
    program=chains(),
    fused=st.sets(st.sampled_from(["relu", "add"])).map(tuple),
    kib=st.sampled_from([16, 64]),
    bytes_per_cycle=st.sampled_from([1, 8, 64]),
    lanes=st.sampled_from([1, 16, 64]),
)
def test_fusing_never_costs_time_or_traffic(machine, program, fused, kib, bytes_per_cycle, lanes):
    before, after = (
        simulate(program, machine(fused=chosen, kib=kib, bytes_per_cycle=bytes_per_cycle, lanes=lanes))
        for chosen in ((), fused)
    )
    assert after.dram_bytes <= before.dram_bytes
    assert sum(t.sram.read_bytes + t.sram.write_bytes for t in after.operations) <= sum(
        t.sram.read_bytes + t.sram.write_bytes for t in before.operations
    )
    assert after.total_cycles <= before.total_cycles * (1 + 1 / RESOLUTION) + len(program.operations)


@CHECK
@given(program=chains(), fused=st.sets(st.sampled_from(["relu", "add"])).map(tuple))
def test_every_operation_is_done_once_and_energy_adds_up(machine, program, fused):
    hw = machine(fused=fused)
    timeline = simulate(program, hw)
    assert timeline == simulate(program, hw, skip=False)
    parts = [operation_energy(program, op, timeline.operations[op.index], hw) for op in program.operations]
    whole = step_energy(program, timeline, hw)
    plain = step_energy(program, simulate(program, machine()), machine())
    assert whole.total_pj == pytest.approx(sum(part.total_pj for part in parts))
    assert (whole.mac_pj, whole.lane_pj) == pytest.approx((plain.mac_pj, plain.lane_pj))
    path = critical_path(program, timeline)
    assert sum(step.end_cycle - step.start_cycle + step.gap_cycles for step in path.steps) == timeline.total_cycles


@pytest.mark.parametrize("name", ["bf16", "fp32", "int8_range_bn", "fp8_hybrid"])
def test_training_steps_get_shorter(root, name):
    workload = load_workload(root / "workloads" / "cifar10_resnet20.yaml")
    found = []
    for choices in ((), ["fused_epilogues=[relu, relu_backward, add]"]):
        hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", choices)
        program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
        found.append((program, simulate(program, hw)))
    (plain, slow), (same, fast) = found
    assert plain.to_json() == same.to_json()
    assert fast.total_cycles < slow.total_cycles
    assert fast.dram_bytes < slow.dram_bytes


def test_two_passes_are_not_fused(root):
    """A requantisation by the tensor's own range waits for the whole of it, so nothing drains into it."""
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", ["fused_epilogues=[relu, relu_backward, add]"])
    program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
    fused = place_tensors(program, hw).fused
    two = [op for op in program.operations if op.opcode == "requantise" and not op.attributes["one_pass"]]
    assert two
    assert not fused.intersection(op.index for op in two)
    assert any(program.operations[index].opcode == "relu" for index in fused)


def test_unknown_epilogues_are_refused(root):
    with pytest.raises(UserError, match=r"found 'max_pool2d'.*relu"):
        load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", ["fused_epilogues=[max_pool2d]"])
