"""Memory of a step at its fullest, against every cycle looked at by hand."""

import pytest

from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.analysis.training_memory import training_memory_bytes


@pytest.mark.parametrize(("hwconfig", "workload"), [("int8_range_bn", "cifar10_resnet20"), ("bf16", "digits_vit")])
def test_no_cycle_holds_more(load, trace, edit, hwconfig, workload):
    program = trace(hwconfig, workload)
    timeline = simulate(program, load(hwconfig).model_copy(update={"fused_epilogues": ("relu", "add")}))
    timings, drained = timeline.operations, timeline.residency.drained
    first, last = {}, {}
    for operation in program.operations:
        timing = timings[operation.index]
        for index in operation.outputs:
            first.setdefault(index, timing.start_cycle)
        for index in (*operation.inputs, *operation.outputs):
            last[index] = max(last.get(index, 0), timing.end_cycle)
    kept = [t for t in program.tensors if t.index in last and t.index not in drained]
    most = max(
        sum(t.bytes for t in kept if t.persistent or first.get(t.index, 0) <= cycle < last[t.index])
        for cycle in {timing.start_cycle for timing in timings}
    )
    found = training_memory_bytes(program, timeline)
    # What is applied in a drain is put down from its host's start, which the simple count has at its end.
    assert most <= found <= 1.05 * most
    assert drained
    assert found < program.peak_bytes() + sum(t.bytes for t in kept)


def test_late_weight_gradients_hold_what_they_read(load, edit, plain_dram):
    """Two data gradients run first, so that three results are there at once where issue order says two."""
    tensors = [TensorSpec(i, f"t{i}", (256, 256), integer(8), Role.INTERNAL, i == 0) for i in range(6)]
    gemms, data, weight = (Gemm(256, 256, 256),), Phase.DATA_GRADIENT, Phase.WEIGHT_GRADIENT
    operations = [
        Operation(0, "matmul", Unit.MAC_ARRAY, "a", data, (0, 0), (1,), gemms),
        Operation(1, "matmul", Unit.MAC_ARRAY, "b", weight, (1, 0), (2,), gemms),
        Operation(2, "matmul", Unit.MAC_ARRAY, "a", data, (0, 0), (3,), gemms),
        Operation(3, "matmul", Unit.MAC_ARRAY, "b", weight, (3, 0), (4,), gemms),
        Operation(4, "matmul", Unit.MAC_ARRAY, "a", data, (0, 0), (5,), gemms),
    ]
    program, size = Program(tensors, operations), 256 * 256
    timeline = simulate(program, edit(plain_dram(load("int8_range_bn"), 8), "mac_array", count=1))
    assert program.peak_bytes() == 3 * size
    assert training_memory_bytes(program, timeline) == 4 * size


def test_accumulators_that_are_used_as_they_drain_are_stored_nowhere(load):
    formats = integer(8), integer(32), integer(8)
    tensors = [TensorSpec(i, f"t{i}", (256, 256), format_, Role.INTERNAL) for i, format_ in enumerate(formats)]
    gemms, work = (Gemm(256, 256, 256),), Work(256 * 256, 1, 2, integer(32))
    needed = {}
    for one_pass in (False, True):
        asked = {"one_pass": one_pass}
        operations = [
            Operation(0, "matmul", Unit.MAC_ARRAY, "a", Phase.FORWARD, (0, 0), (1,), gemms),
            Operation(1, "requantise", Unit.QUANTISE, "a", Phase.FORWARD, (1,), (2,), (), work, asked),
        ]
        program = Program(tensors, operations)
        needed[one_pass] = training_memory_bytes(program, simulate(program, load("int8_range_bn")))
    # The operand and accumulators of four bytes, or the operand and its codes.
    assert needed == {False: 256 * 256 * (1 + 4), True: 256 * 256 * (1 + 1)}


def test_an_empty_program(load):
    assert training_memory_bytes(Program(), simulate(Program(), load("fp32"))) == 0
