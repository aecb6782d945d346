"""What can only help: on a chain of operations, one at a time, more of anything never makes the step slower.

Plans are chosen to a thousandth of a product's own work (``tiling.RESOLUTION``), and that is how much it may lose.
Between operations that run side by side, list schedules have no such guarantee (Graham 1969): what more arrays can't
do there either is in ``test_timing_arrays.py``.
"""

import itertools

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, Dram
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import product_cost, simulate
from accelsim.timing.mapping.tiling import RESOLUTION
from accelsim.timing.memory.dram_model import DramModel

BUFFERS = ("input", "weight", "output")
SIDES = st.sampled_from([1, 17, 64, 200, 500])


@st.composite
def chains(draw):
    """Products and lane work, each on the result of the one before; all tensors are in DRAM."""
    rows, sides = draw(SIDES), draw(st.lists(SIDES, min_size=2, max_size=5))
    tensors, operations = [TensorSpec(0, "t0", (rows, sides[0]), integer(8), Role.INTERNAL)], []
    for k, n in itertools.pairwise(sides):
        made = len(tensors)
        weight = TensorSpec(made, f"t{made}", (k, n), integer(8), Role.INTERNAL, persistent=True)
        result = TensorSpec(made + 1, f"t{made + 1}", (rows, n), integer(8), Role.INTERNAL)
        lanes = TensorSpec(made + 2, f"t{made + 2}", (rows, n), integer(8), Role.INTERNAL)
        tensors += [weight, result, lanes]
        index, gemms, work = len(operations), (Gemm(rows, k, n),), Work(rows * n, 0, 1, integer(8))
        left = made - 1
        operations += [
            Operation(index, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (left, made), (made + 1,), gemms),
            Operation(index + 1, "relu", Unit.VECTOR, "l", Phase.FORWARD, (made + 1,), (made + 2,), work=work),
        ]
    return Program(tensors, operations)


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    """A small array whose buffers hold nothing between operations, unless they have a share for it."""

    def make(kib=64, bytes_per_cycle=8, latency_cycles=10, share=0.0, **array):
        array = {"rows": 16, "columns": 16, "dataflow": Dataflow.OUTPUT_STATIONARY, **array}
        hw = edit(load("int8_range_bn"), "mac_array", **array)
        for name in BUFFERS:
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * 1024, resident_share=share)
        return plain_dram(hw, bytes_per_cycle, latency_cycles)

    return make


def loss(program, hw):
    """Cycles that the resolution of the choice of tiles may cost."""
    products = [gemm for operation in program.operations for gemm in operation.gemms]
    return sum(max(1, product_cost(gemm, hw.mac_array).cycles / RESOLUTION) for gemm in products)


def most(program, before, after):
    """Cycles that a step may take ``after``: those ``before``, what doesn't decide, and what tiles take from others."""
    dram, timeline = DramModel.of(before), simulate(program, before)
    turns = sum(timing.pieces for timing in timeline.operations) * max(1, dram.to_read_cycles + dram.to_write_cycles)
    return timeline.total_cycles + turns + timeline.dram_bytes / dram.bytes_per_cycle / 20 + loss(program, after)


DATAFLOWS = st.sampled_from(Dataflow)
CHECK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECK
@given(program=chains(), slow=st.integers(1, 40), more=st.floats(1, 8), dataflow=DATAFLOWS)
def test_more_bandwidth(machine, program, slow, more, dataflow):
    before, after = (
        machine(bytes_per_cycle=slow, dataflow=dataflow),
        machine(bytes_per_cycle=slow * more, dataflow=dataflow),
    )
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), short=st.integers(0, 50), longer=st.integers(0, 50))
def test_a_shorter_latency(machine, program, short, longer):
    before, after = machine(latency_cycles=short + longer), machine(latency_cycles=short)
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), kib=st.sampled_from([16, 64, 256]), times=st.integers(2, 16), dataflow=DATAFLOWS)
def test_larger_buffers(machine, program, kib, times, dataflow):
    before, after = machine(kib=kib, dataflow=dataflow), machine(kib=kib * times, dataflow=dataflow)
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), kib=st.sampled_from([16, 64, 256]), times=st.integers(2, 16), dataflow=DATAFLOWS)
def test_larger_buffers_that_keep_more(machine, program, kib, times, dataflow):
    """Where all that the smaller ones keep stays on chip in the larger ones, too, which residency doesn't promise."""
    before, after = (machine(kib=size, share=0.5, dataflow=dataflow) for size in (kib, kib * times))
    small, large = simulate(program, before), simulate(program, after)
    assume(small.residency.on_chip <= large.residency.on_chip)
    assert large.total_cycles <= most(program, before, after)


@CHECK
@given(
    program=chains(),
    standard=st.sampled_from(["DDR4-2400", "LPDDR5-6400", "HBM2-2000"]),
    channels=st.integers(1, 8),
    more=st.integers(1, 8),
    pattern=st.sampled_from(["streaming", "random"]),
)
def test_more_channels(machine, program, standard, channels, more, pattern):
    before, after = (
        machine().model_copy(update={"dram": Dram(standard=standard, channels=count, pattern=pattern)})
        for count in (channels, channels + more)
    )
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), times=st.integers(2, 8))
def test_more_lanes(machine, edit, program, times):
    before = machine()
    after = edit(before, "vector_unit", lanes=times * before.vector_unit.lanes)
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), arrays=st.integers(1, 5), more=st.integers(1, 5), split=st.booleans())
def test_more_arrays(machine, program, arrays, more, split):
    before = machine(count=arrays, split_products=split)
    after = machine(count=arrays + more, split_products=split)
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(program=chains(), dataflow=DATAFLOWS, edges=st.sampled_from(["full", "used"]))
def test_less_for_each_fold(machine, program, dataflow, edges):
    """Overlapped folds, used edges and faster multiply-accumulates never cost more.

    But for the last drain of each product: where its stream is cut, a serial fold spreads its skew over its tiles, and
    overlapped folds show all of it at the end, where no load hides it.
    """
    base = machine(dataflow=dataflow, edge_folds=edges)
    allowed = most(program, base, base)
    overlapped = machine(dataflow=dataflow, edge_folds=edges, fold_overlap="overlapped")
    drains = sum(len(operation.gemms) for operation in program.operations) * (16 + 16)
    assert simulate(program, overlapped).total_cycles <= allowed + drains
    used = machine(dataflow=dataflow, edge_folds="used")
    assert simulate(program, used).total_cycles <= allowed
    slower = machine(dataflow=dataflow, edge_folds=edges, cycles_per_mac=2)
    assert simulate(program, base).total_cycles <= most(program, slower, base)


@CHECK
@given(program=chains())
def test_prefetch(machine, program):
    before, after = machine(), machine(prefetch=True)
    assert simulate(program, after).total_cycles <= most(program, before, after)


@CHECK
@given(
    program=chains(), kib=st.sampled_from([16, 256]), slow=st.integers(1, 40), dataflow=DATAFLOWS, split=st.booleans()
)
def test_never_below_the_roofline(machine, program, kib, slow, dataflow, split):
    hw = machine(kib=kib, bytes_per_cycle=slow, dataflow=dataflow, split_products=split, fold_overlap="overlapped")
    try:
        timeline = simulate(program, hw)
    except UserError:
        assume(False)
    peak = hw.mac_array.macs_per_cycle if split else hw.mac_array.macs_per_cycle / hw.mac_array.count
    bandwidth = DramModel.of(hw).bytes_per_cycle
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        held = timing.end_cycle - timing.start_cycle
        assert held >= operation.macs / peak
        assert held >= (timing.dram_read_bytes + timing.dram_write_bytes) / bandwidth - 1e-6
    assert timeline.total_cycles >= timeline.dram_bytes / bandwidth - 1e-6
