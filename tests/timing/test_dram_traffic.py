"""Which tensors the DRAM bytes of a step are: all of them, as often as they move, and of the class that they are."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import InternalError, UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, Level, MacArray
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import simulate
from accelsim.timing.analysis.dram_traffic import dram_transfers, traffic_by_class
from accelsim.timing.analysis.tensor_classes import TensorClass, TensorClasses
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results
from accelsim.timing.mapping.systolic import quantum, size
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS

HWCONFIGS = sorted(path.stem for path in (Path(__file__).parents[2] / "hwconfigs").glob("*.yaml"))
WORKLOADS = ("digits_vit", "fashion_mnist_mlp", "cifar10_resnet20", "imagenet_mobilenet_v2")


def check(program, hw):
    """Every byte of every operation has a tensor, and every class its bytes."""
    timeline = simulate(program, hw)
    found = dram_transfers(program, timeline, hw)
    by_phase = Counter()
    for operation, timing, transfers in zip(program.operations, timeline.operations, found, strict=True):
        assert sum(each.read_bytes for each in transfers) == timing.dram_read_bytes
        assert sum(each.write_bytes for each in transfers) == timing.dram_write_bytes
        by_phase[operation.phase, "read"] += timing.dram_read_bytes
        by_phase[operation.phase, "written"] += timing.dram_write_bytes
        moved = {each.tensor_index for each in transfers if each.read_bytes or each.write_bytes}
        assert all(timeline.residency.where(index) == "dram" for index in moved)
    for (phase, _), access in traffic_by_class(program, timeline, hw).items():
        by_phase[phase, "read"] -= access.read_bytes
        by_phase[phase, "written"] -= access.write_bytes
    assert not any(by_phase.values())


@pytest.mark.parametrize("name", HWCONFIGS)
def test_shipped_accelerators(load, trace, name):
    check(trace(name), load(name))


@pytest.mark.slow
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", HWCONFIGS)
def test_shipped_workloads(load, trace, name, workload):
    check(trace(name, workload), load(name))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_any_program_on_any_machine(load, edit, graphs, data):
    """Tensors on chip, in a level and in DRAM; products whose operands are swept again and again."""
    hw, kib = load("int8_range_bn"), 1024
    for name in ("input", "weight", "output"):
        share = data.draw(st.sampled_from([0.0, 0.5]))
        hw = edit(hw, f"buffers.{name}", capacity_bytes=data.draw(st.sampled_from([2, 8])) * kib, resident_share=share)
    level = Level(name="l2", capacity_bytes=data.draw(st.sampled_from([4, 64])) * kib, bytes_per_cycle=8)
    levels = data.draw(st.sampled_from([(), (level,), (level.model_copy(update={"resident_share": 0.5}),)]))
    hw = edit(edit(hw, "buffers", levels=levels), "mac_array", rows=16, columns=16)
    try:
        check(data.draw(graphs), hw)
    except UserError:
        assume(False)


OPERANDS = st.builds(
    Operand, bytes=st.integers(1, 5000), source=st.sampled_from([DRAM, 1, IN_BUFFERS]), tile_bytes=st.integers(1, 5000)
)


@settings(deadline=None)
@given(
    lengths=st.tuples(*[st.integers(1, 40)] * 3),
    tiles=st.tuples(*[st.integers(1, 5)] * 3),
    left=OPERANDS,
    right=OPERANDS,
    outer=st.sampled_from("mn"),
    held=st.tuples(*[st.integers(0, 1)] * 2),
)
def test_an_operand_is_read_as_often_as_its_pieces_say(lengths, tiles, left, right, outer, held):
    """What DRAM gives, piece by piece, where the other operand is in its buffer."""
    gemm, array = Gemm(*lengths), MacArray(rows=3, columns=4, operand="int8", dataflow=Dataflow.OUTPUT_STATIONARY)
    tile = [min(size(gemm, axis), n * quantum(array, axis)) for axis, n in zip("mkn", tiles, strict=True)]
    held = tuple(0 if operand.source != DRAM else level for operand, level in zip((left, right), held, strict=True))
    base = Product(gemm, array, left, right, Results(100, 100, (7, 3)), presets=(5, 1), streams=(9, 2))
    nest = LoopNest(base, Gemm(*tile), outer, held)
    for side, other in enumerate(("right", "left")):
        hidden = replace(getattr(base, other), source=IN_BUFFERS)
        alone = replace(nest, product=replace(base, **{other: hidden}))
        assert sum(piece.load_bytes for piece in alone.steps) == 5 + 9 + nest.dram_read_bytes[side]


def classes_of(program):
    return {tensor.name: str(kind) for tensor, kind in zip(program.tensors, TensorClasses(program), strict=True)}


def test_classes_of_an_integer_step(trace):
    found = classes_of(trace("int8_range_bn"))
    assert {name: found[name] for name in EXPECTED_INTEGERS} == EXPECTED_INTEGERS


EXPECTED_INTEGERS = {
    "images": "host",
    "labels": "host",
    "loss.loss": "host",
    "loss.logits": "activation",
    "loss.gradient": "layer_gradient",
    "conv2d1.weight": "optimizer",
    "conv2d1.weight.momentum": "optimizer",
    "conv2d1.weight_codes": "weight",
    "linear1.bias_codes": "weight",
    "batch_norm1.gamma_codes": "weight",
    "conv2d1.input": "stash",
    "conv2d1.product": "activation",
    "batch_norm1.input": "stash",
    "batch_norm1.normalised": "activation",
    "batch_norm1.mean": "statistic",
    "batch_norm1.extremes": "statistic",
    "batch_norm1.running_mean": "statistic",
    "max_pool2d1.tap": "stash",
    "conv2d2.gradient_data_path": "layer_gradient",
    "conv2d2.gradient_weight_path": "layer_gradient",
    "conv2d2.input_gradient": "layer_gradient",
    "conv2d2.weight_product": "weight_gradient",
    "conv2d2.weight_gradient": "weight_gradient",
    "linear1.bias_sum": "weight_gradient",
    "batch_norm2.gamma_sum": "weight_gradient",
}


def test_sums_of_a_norm_that_no_parameter_gets_are_statistics(trace):
    found = classes_of(trace("int8_range_bn", "digits_vit"))
    sums = {name for name in found if "layer_norm1." in name and "beta_sum" in name}
    assert sorted(found[name] for name in sums) == ["statistic", "weight_gradient"]


def test_what_recomputation_reads_was_kept_for_it_and_what_it_alone_reads_again_was_not():
    names = ("images", "kept", "used", "again", "passed_on", "gradient")
    tensors = [TensorSpec(i, name, (8, 8), integer(8), Role.ACTIVATION) for i, name in enumerate(names)]
    steps = [(Phase.FORWARD, 0, 1), (Phase.FORWARD, 1, 2), (Phase.RECOMPUTE, 1, 3), (Phase.RECOMPUTE, 3, 4)]
    steps.append((Phase.DATA_GRADIENT, 4, 5))
    operations = [
        Operation(i, "op", Unit.VECTOR, "l", phase, (read,), (made,)) for i, (phase, read, made) in enumerate(steps)
    ]
    found = classes_of(Program(tensors, operations))
    assert {name: found[name] for name in names[1:5]} == {
        "kept": "stash",
        "used": "activation",
        "again": "activation",
        "passed_on": "stash",
    }


def test_a_master_copy_is_a_weight_to_what_computes_with_it(trace):
    """fp32 machines make no codes: the products read what the update wrote."""
    program = trace("fp32")
    classes, index = TensorClasses(program), next(t.index for t in program.tensors if t.name == "conv2d2.weight")
    readers = {op.phase: op for op in program.operations if index in op.inputs}
    assert classes.read_by(readers[Phase.FORWARD], index) == TensorClass.WEIGHT
    assert classes.read_by(readers[Phase.DATA_GRADIENT], index) == TensorClass.WEIGHT
    assert classes.read_by(readers[Phase.UPDATE], index) == classes.written(index) == TensorClass.OPTIMIZER
    integers = trace("int8_range_bn")
    index = next(tensor.index for tensor in integers.tensors if tensor.name == "conv2d2.weight")
    quantise = next(op for op in integers.operations if index in op.inputs and op.phase is Phase.FORWARD)
    assert TensorClasses(integers).read_by(quantise, index) == TensorClass.OPTIMIZER


def test_bytes_of_a_product_by_hand(load, edit):
    """64 x 32 by 32 x 16, every operand whole in its buffer: each is read once, accumulators of 32 bits are written."""
    names = ("x", "w", "y")
    roles = (Role.ACTIVATION, Role.WEIGHT, Role.ACCUMULATOR)
    shapes, formats = ((64, 32), (32, 16), (64, 16)), (integer(8), integer(8), integer(32))
    tensors = [TensorSpec(i, names[i], shapes[i], formats[i], roles[i]) for i in range(3)]
    operation = Operation(0, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), (Gemm(64, 32, 16),))
    program, hw = Program(tensors, [operation]), load("int8_range_bn")
    found = traffic_by_class(program, simulate(program, hw), hw)
    assert {str(kind): (a.read_bytes, a.write_bytes) for (_, kind), a in found.items()} == {
        "weight": (512, 0),
        "activation": (2048, 4096),
    }


def test_other_bytes_than_were_timed_are_a_fault(load, trace):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    timeline = simulate(program, hw)
    first = replace(timeline.operations[0], dram_read_bytes=timeline.operations[0].dram_read_bytes + 1)
    with pytest.raises(InternalError, match="than were timed"):
        dram_transfers(program, replace(timeline, operations=[first, *timeline.operations[1:]]), hw)
