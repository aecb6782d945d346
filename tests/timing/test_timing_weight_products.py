"""Weight-gradient products: what the step shows of them."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import DramModel, simulate
from accelsim.timing.analysis.spans import common_cycles, length_cycles, merged
from accelsim.timing.analysis.weight_products import is_weight_product, weight_products
from accelsim.timing.planned_step import PlannedStep

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)


def measured(program, hw):
    return weight_products(PlannedStep(program, hw), simulate(program, hw))


@given(spans, spans)
def test_spans_are_sets_of_cycles(first, second):
    cycles = [{cycle for start, end in group for cycle in range(start, end)} for group in (first, second)]
    joined = merged(second)
    assert length_cycles(joined) == len(cycles[1])
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    for span in first:
        assert common_cycles(span, joined) == len(set(range(*span)) & cycles[1])


def products_and_work(*phases):
    """A product for each phase, then a long vector operation of the forward phase; nothing depends on anything."""
    tensors = [TensorSpec(i, f"t{i}", (256, 256), integer(8), Role.INTERNAL) for i in range(len(phases) + 3)]
    operations = [
        Operation(i, "matmul", Unit.MAC_ARRAY, f"layer{i}", phase, (0, 1), (i + 3,), gemms=(Gemm(256, 256, 256),))
        for i, phase in enumerate(phases)
    ]
    work = Work(10**7, 0, 1, integer(8))
    last = Operation(len(phases), "add", Unit.VECTOR, "long", Phase.FORWARD, (0,), (2,), work=work)
    return Program(tensors, [*operations, last])


def test_products_alone_are_all_exposed(load):
    program = products_and_work(Phase.WEIGHT_GRADIENT)
    alone = Program(program.tensors, program.operations[:1])
    found = measured(alone, load("int8_range_bn").model_copy(update={"clock_mhz": 1}))
    assert found.held_cycles == found.extension_cycles == found.step_cycles
    assert found.hidden_share == pytest.approx(0, abs=0.01)
    assert found.beside_share == 0


def test_products_beside_longer_work_are_all_hidden(load):
    fast_dram = load("int8_range_bn").model_copy(update={"clock_mhz": 1})
    found = measured(products_and_work(Phase.WEIGHT_GRADIENT, Phase.WEIGHT_GRADIENT), fast_dram)
    assert found.hidden_share > 0.99
    assert found.beside_share == 1


def test_work_that_waits_for_dram_is_not_hidden(load, edit):
    """Where DRAM is the limit, a product beside the serial path takes from it what it needs itself."""
    hw = edit(load("int8_range_bn").model_copy(update={"clock_mhz": 500_000}), "mac_array", count=3)
    program = products_and_work(Phase.WEIGHT_GRADIENT, Phase.FORWARD, Phase.FORWARD)
    found = measured(Program(program.tensors, program.operations[:3]), hw)
    assert found.beside_share >= 0.5
    assert found.hidden_share < 0.1


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize("fold_overlap", ["serial", "overlapped"])
def test_one_product_hides_nothing(load, edit, dataflow, fold_overlap):
    """Though its array comes back to folds, and waits for the ports of its buffers: it would alone, too."""
    hw = edit(load("int8_range_bn"), "mac_array", dataflow=Dataflow(dataflow), fold_overlap=fold_overlap)
    hw = edit(hw, "buffers.output", bytes_per_cycle=16)
    tensors = [
        TensorSpec(i, f"t{i}", shape, integer(bits), Role.INTERNAL)
        for i, (shape, bits) in enumerate([((2048, 2048), 8), ((2048, 512), 8), ((2048, 512), 32)])
    ]
    fields = ("matmul", Unit.MAC_ARRAY, "layer", Phase.WEIGHT_GRADIENT, (0, 1), (2,), (Gemm(2048, 2048, 512),))
    program = Program(tensors, [Operation(0, *fields)])
    (timing,) = simulate(program, hw).operations
    assert timing.busy_cycles > 1.05 * timing.compute_cycles or (dataflow, fold_overlap) == ("os", "overlapped")
    assert measured(program, hw).hidden_share == pytest.approx(0, abs=0.01)


def test_cycles_alone_are_those_of_the_array_or_of_dram(load):
    program = products_and_work(Phase.WEIGHT_GRADIENT)
    for clock_mhz in (1, 500_000):
        hw = load("int8_range_bn").model_copy(update={"clock_mhz": clock_mhz})
        timing = simulate(program, hw).operations[0]
        transfer = timing.dram_bytes / DramModel.of(hw).bytes_per_cycle
        found = measured(program, hw)
        assert timing.compute_cycles <= timing.busy_cycles <= timing.end_cycle - timing.start_cycle
        assert found.alone_cycles == pytest.approx(max(timing.busy_cycles, transfer), abs=1)
        assert found.alone_cycles <= found.held_cycles


def test_without_such_products_nothing_is_measured(load):
    found = measured(products_and_work(Phase.FORWARD), load("int8_range_bn"))
    assert (found.held_cycles, found.alone_cycles, found.extension_cycles) == (0, 0, 0)
    assert math.isnan(found.hidden_share)


def test_a_second_array_hides_more(trace, load, edit):
    program = trace("int8_range_bn")
    one, two = (measured(program, edit(load("int8_range_bn"), "mac_array", count=count)) for count in (1, 2))
    assert one.hidden_share < two.hidden_share
    assert one.beside_share < two.beside_share


def test_an_untimed_operation_takes_nothing_and_leaves_tensors_where_they_are(case):
    program, hw = case
    free = frozenset(op.index for op in program.operations if is_weight_product(op))
    step = PlannedStep(program, hw)
    whole = step.simulate()
    without = step.simulate(untimed=free, like=whole)
    for index in free:
        timing = without.operations[index]
        assert timing.end_cycle == timing.start_cycle
        assert timing.dram_read_bytes == timing.dram_write_bytes == timing.sram_read_bytes == 0
    assert without.residency == whole.residency
    assert without.total_cycles == pytest.approx(whole.total_cycles, rel=0.6)
