"""One-pass requantisation: the wide tensor goes nowhere, and the step gets shorter."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.timing import place_tensors, simulate

ONE_PASS = [
    "numerics.activation.scale=delayed",
    "numerics.layer_gradient_data_path.scale=delayed",
    "numerics.layer_gradient_weight_path.scale=delayed",
    "numerics.layer_gradient_norm.scale=delayed",
]


@pytest.fixture(scope="module", params=["digits_cnn", "cifar10_resnet20"])
def two_and_one_pass(request, root):
    """(program, hwconfig, timeline) with the current tensor's scale, and with delayed scales."""
    workload = load_workload(root / "workloads" / f"{request.param}.yaml")
    found = []
    for settings in ((), ONE_PASS):
        hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)
        program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
        found.append((program, hw, simulate(program, hw)))
    return found


def test_same_operations_less_traffic_fewer_cycles(two_and_one_pass):
    (two, _, slow), (one, _, fast) = two_and_one_pass
    assert [op.opcode for op in two.operations] == [op.opcode for op in one.operations]
    assert fast.total_cycles < slow.total_cycles
    assert fast.dram_bytes < slow.dram_bytes


def test_in_flight_tensors_are_wide_and_read_by_requantisations_alone(two_and_one_pass):
    (two, hw, _), (one, one_hw, _) = two_and_one_pass
    before = {two.tensors[index].name for index in place_tensors(two, hw).in_flight}
    # What becomes fp32 needs no range: parameter gradients and logits.
    assert before
    assert all(name.endswith(("_sum", "weight_product", "linear1.product")) for name in before)
    in_flight = place_tensors(one, one_hw).in_flight
    assert in_flight
    for operation in one.operations:
        if in_flight.intersection(operation.inputs):
            assert operation.opcode in ("requantise", "dequantise")
    assert all(one.tensors[index].format.bits >= 32 for index in in_flight)


def test_requantisation_in_the_drain_takes_no_time_but_holds_its_producer(two_and_one_pass):
    _, (program, hw, timeline) = two_and_one_pass
    in_flight = timeline.residency.in_flight
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        if in_flight.intersection(operation.inputs):
            assert timing.start_cycle == timing.end_cycle
        for index in in_flight.intersection(operation.outputs):
            readers = [op for op in program.operations if index in op.inputs]
            elements = sum(t.elements for op in readers for t in program.outputs_of(op))
            assert timing.end_cycle - timing.start_cycle >= elements // hw.quantise_unit.lanes
            assert all(timeline.operations[op.index].start_cycle >= timing.end_cycle for op in readers)
