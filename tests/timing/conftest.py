"""Small edits of shipped accelerators."""

import pytest
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.hardware import Dram
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work

HWCONFIGS = ("fp32", "fp32_same_macs", "int8_range_bn", "tpu_v1")


def edited(hw, part, **changes):
    """``hw`` with fields of one of its parts replaced, for instance ``edited(hw, "dram", latency_ns=0)``."""
    if part.startswith("buffers."):
        buffers = edited(hw.buffers, part.removeprefix("buffers."), **changes)
        return hw.model_copy(update={"buffers": buffers})
    return hw.model_copy(update={part: getattr(hw, part).model_copy(update=changes)})


@pytest.fixture(scope="session")
def edit():
    return edited


def with_plain_dram(hw, bytes_per_cycle, latency_cycles=0):
    """``hw`` with DRAM as a bandwidth and a latency."""
    per_cycle_ns = 1000 / hw.clock_mhz
    dram = Dram(
        standard="plain",
        model="bandwidth",
        bandwidth_bytes_per_s=bytes_per_cycle * hw.clock_mhz * 1e6,
        latency_ns=latency_cycles * per_cycle_ns,
        energy_pj_per_bit=1.0,
    )
    return hw.model_copy(update={"dram": dram})


@pytest.fixture(scope="session")
def plain_dram():
    return with_plain_dram


@pytest.fixture(scope="session", params=HWCONFIGS)
def case(request, load, trace):
    """(program, hardware) of each shipped hwconfig on the digits network."""
    return trace(request.param), load(request.param)


@st.composite
def _programs(draw, counts, sides, units, products):
    """Products and lane work of all phases, on any square int8 tensors that were there before.

    ``products(left, right)``: the Gemms of an operation, by the sides of what it reads.
    """
    count = draw(counts)
    sides = draw(st.lists(sides, min_size=count + 2, max_size=count + 2))
    tensors = [TensorSpec(i, f"t{i}", (side, side), integer(8), Role.INTERNAL) for i, side in enumerate(sides)]
    operations = []
    for i in range(count):
        inputs = (draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        left, right = (sides[each] for each in inputs)
        unit = draw(st.sampled_from(units))
        gemms = draw(products(left, right)) if unit is Unit.MAC_ARRAY else ()
        work = None if gemms else Work(left**2 * draw(st.integers(1, 9)), 0, 1, integer(8))
        phase = draw(st.sampled_from(Phase))
        operations.append(Operation(i, "op", unit, f"layer{i}", phase, inputs, (i + 2,), gemms, work))
    return Program(tensors, operations)


@pytest.fixture(scope="session")
def programs():
    """Makes random programs of numbers of operations, of sides, units and products that are given."""
    return _programs


@st.composite
def _graphs(draw):
    """Products, lane work and in-place updates of all phases, on int8 tensors, which depend on each other at random."""
    count, side = draw(st.integers(1, 14)), draw(st.sampled_from([1, 32, 128]))
    tensors = [TensorSpec(i, f"t{i}", (side, side), integer(8), Role.INTERNAL, i < 2) for i in range(count + 2)]
    operations = []
    for i in range(count):
        inputs = (draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        unit = draw(st.sampled_from([Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM]))
        gemms = (Gemm(side, side, side),) * (unit is Unit.MAC_ARRAY)
        work = None if gemms else Work(side * side * draw(st.integers(1, 9)), 1, 1, integer(8))
        outputs = (i + 2, *draw(st.sets(st.sampled_from([0, 1]), max_size=1)))
        phase = draw(st.sampled_from(Phase))
        operations.append(Operation(i, "op", unit, f"layer{i}", phase, inputs, outputs, gemms, work))
    return Program(tensors, operations)


@pytest.fixture(scope="session")
def graphs():
    """Random programs."""
    return _graphs()
