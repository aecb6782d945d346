"""What recomputation costs and saves, in the timed step of a ResNet-20."""

from __future__ import annotations

from functools import cache

import pytest

from accelsim.formats import Role, integer
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network, load_workload
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import place_tensors, simulate
from accelsim.timing.analysis.dram_traffic import traffic_by_class
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.analysis.tensor_classes import TensorClass, TensorClasses
from accelsim.timing.analysis.training_memory import training_memory_bytes
from accelsim.timing.placement.epilogues import applied, drained_tensors
from accelsim.timing.scheduling.ordering import predecessors


@pytest.fixture(scope="module")
def step(root):
    @cache
    def timed(recompute):
        hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml")
        workload = load_workload(root / "workloads" / "cifar10_resnet20.yaml")
        network = workload.network.model_copy(update={"recompute": recompute})
        workload = workload.model_copy(update={"network": network})
        program = workload.trace(hw.recipe()).program
        return program, simulate(program, hw), hw

    return timed


def _of(program, *phases):
    return [op for op in program.operations if op.phase in phases]


def test_memory_for_time(step):
    (plain, kept, _), (program, again, _) = step("none"), step("residuals")
    assert training_memory_bytes(program, again) < 0.8 * training_memory_bytes(plain, kept)
    assert kept.total_cycles < again.total_cycles < 1.3 * kept.total_cycles
    # All products of the residuals feed a norm, whose backward reads them.
    inside = [op for op in _of(program, Phase.FORWARD) if op.layer not in ("conv2d1", "linear1")]
    redone = sum(op.macs for op in _of(program, Phase.RECOMPUTE))
    assert redone == sum(op.macs for op in inside) == program.macs - plain.macs


def test_nothing_is_made_again_before_the_gradient_is_there(step):
    """Though all that it reads has long been there: the order holds in the schedule and in the graph behind slacks."""
    program, timeline, _ = step("residuals")
    makers = {index: op.index for op in program.operations for index in op.outputs}
    hosts = {op.index: host for host, each in _hosts(program, timeline).items() for op in each}
    graph = schedule_graph(program, timeline)
    redone = _of(program, Phase.RECOMPUTE)
    assert redone
    for op in redone:
        index = hosts.get(op.index, op.index)
        (gradient,) = (hosts.get(makers[i], makers[i]) for i in op.after)
        assert timeline.operations[gradient].end_cycle <= timeline.operations[index].start_cycle
        assert gradient in {edge.earlier for edge in graph.incoming[op.index]} or op.index in hosts


def _hosts(program, timeline):
    drained = timeline.residency.drained
    fused = timeline.residency.fused
    return {op.index: applied(program, op, drained) for op in program.operations if op.index not in fused}


def test_the_forward_pass_leaves_less_for_the_backward(step):
    (plain, kept, hw), (program, again, _) = step("none"), step("residuals")
    parts = [traffic_by_class(*each, hw) for each in ((plain, kept), (program, again))]
    written = [each[Phase.FORWARD, TensorClass.STASH].write_bytes for each in parts]
    assert written[1] < 0.7 * written[0]
    assert all(phase is not Phase.RECOMPUTE for phase, _ in parts[0])
    redone = {kind for phase, kind in parts[1] if phase is Phase.RECOMPUTE}
    assert redone <= {TensorClass.STASH, TensorClass.ACTIVATION, TensorClass.WEIGHT, TensorClass.STATISTIC}


def test_tensors_made_again_have_the_class_of_those_that_were_kept(step):
    """What a backward reads is a stash, whichever it is; its input is one, though only recomputation reads it again."""
    (plain, *_), (program, *_) = step("none"), step("residuals")
    kept = {tensor.name: kind for tensor, kind in zip(plain.tensors, TensorClasses(plain), strict=True)}
    classes = list(TensorClasses(program))
    read = {i for op in _of(program, Phase.DATA_GRADIENT, Phase.WEIGHT_GRADIENT) for i in op.inputs}
    again = [tensor for tensor in program.tensors if tensor.again]
    assert again
    for tensor in again:
        expected = kept[tensor.again] if tensor.index in read else (TensorClass.ACTIVATION, kept[tensor.again])
        assert classes[tensor.index] == expected or classes[tensor.index] in expected
    assert classes[next(t.index for t in program.tensors if t.name == "relu1.output")] is TensorClass.STASH


def test_what_nobody_reads_is_not_stored(int8_machine):
    """A pooling is done again for the places of its maxima: these alone are written."""
    pool = {"recompute": {"body": [{"conv2d": {"filters": 8, "kernel": 3}}, {"max_pool2d": {"kernel": 2}}]}}
    layers = [parse_layer(layer) for layer in ["relu", pool, "flatten", {"linear": {"units": 3}}]]
    program = Network(layers, (10, 10, 2), 3).trace(int8_machine.recipe(), Sgd(learning_rate=0.1), 4).program
    (again,) = (op for op in _of(program, Phase.RECOMPUTE) if op.opcode == "max_pool2d")
    maxima, places = program.outputs_of(again)
    residency = place_tensors(program, int8_machine)
    assert [residency.where(tensor.index) for tensor in (maxima, places)] == ["in_flight", "on_chip"]
    timeline = simulate(program, int8_machine)
    assert timeline.operations[again.index].dram_write_bytes == 0


def test_nothing_drains_that_must_start_later_than_its_host():
    """A conversion, or an epilogue, of a product that was done early waits for what it must come after."""
    product_first, product_last = ([_product_and_later(opcode, order) for opcode in EPILOGUES] for order in ORDERS)
    assert [drained_tensors(program, EPILOGUES).keys() for program in product_first] == [set(), set()]
    assert [drained_tensors(program, EPILOGUES).keys() for program in product_last] == [{2}, {2}]


def test_a_host_waits_for_what_must_be_made_before_its_drain(int8_machine):
    """Though it reads nothing of it, and starts at once where nothing is applied to its results."""
    hw = int8_machine.model_copy(update={"fused_epilogues": EPILOGUES})
    for opcode in EPILOGUES:
        program = _product_and_later(opcode, ORDERS[1])
        assert predecessors(program)[1] == ()
        assert predecessors(program, drained_tensors(program, EPILOGUES))[1] == (0,)
        made, host, applied_in_drain = simulate(program, hw).operations
        assert 0 < made.end_cycle <= host.start_cycle < host.end_cycle == applied_in_drain.start_cycle


EPILOGUES = ("requantise", "relu")
ORDERS = ((0, 1), (1, 0))


def _product_and_later(opcode, order):
    """A product and other work, in ``order``, then ``opcode`` on the product's result, which starts after the work."""
    word, byte = integer(32), integer(8)
    tensors = [TensorSpec(i, f"t{i}", (64, 64), word if i == 2 else byte, Role.INTERNAL) for i in range(5)]
    work = Work(4096, 0, 1, word)
    product = ("matmul", Unit.MAC_ARRAY, "a", Phase.RECOMPUTE, (0, 1), (2,), (Gemm(64, 64, 64),))
    other = ("add", Unit.VECTOR, "b", Phase.DATA_GRADIENT, (0, 1), (3,), (), work)
    last = (opcode, Unit.VECTOR, "c", Phase.RECOMPUTE, (2,), (4,), (), work, {"one_pass": True}, (3,))
    pair = [(product, other)[which] for which in order]
    return Program(tensors, [Operation(i, *fields) for i, fields in enumerate([*pair, last])])
