"""What a convolution whose stride leaves pixels out reads: bursts of DRAM, pixels of a memory on the chip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import Role, format_by_name
from accelsim.hardware import Dram, Level
from accelsim.machine.window import Window
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import DramModel, Residency
from accelsim.timing.planner import Planner

FILTERS = 24


def convolution(shape, window, *, name="int8", backward=False):
    """A program of one convolution, or of its weight gradient, over an image tensor of ``shape``."""
    batch, height, width, channels = shape
    rows, columns = window.output_size(height, width)
    pixels, taps = batch * rows * columns, window.taps * channels
    made, weights = (batch, rows, columns, FILTERS), (FILTERS, *window.kernel, channels)
    other, result = (made, weights) if backward else (weights, made)
    tensors = [
        TensorSpec(i, f"t{i}", each, format_by_name(form), Role.INTERNAL)
        for i, (each, form) in enumerate(((shape, name), (other, name), (result, "int32")))
    ]
    gemm = Gemm(FILTERS, pixels, taps) if backward else Gemm(pixels, taps, FILTERS)
    opcode = "conv2d_backward_weights" if backward else "conv2d"
    attributes = window.as_attributes()
    operation = Operation(
        0, opcode, Unit.MAC_ARRAY, "layer", Phase.FORWARD, (0, 1), (2,), (gemm,), attributes=attributes
    )
    return Program(tensors, [operation])


def image_bytes(program, hw, residency=None):
    """Bytes of the image that are read; the operand beside it is read once."""
    plan = Planner(program, hw, residency or Residency(frozenset())).plan(program.operations[0])
    return plan.dram_read_bytes - program.tensors[1].bytes


@pytest.fixture(scope="module")
def machine(load, edit):
    """Buffers that hold every operand whole, so that nothing is read twice."""

    def make(**dram):
        hw = load("int8_range_bn")
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=1 << 24)
        return hw.model_copy(update={"dram": Dram(**{"standard": "DDR4-2400", **dram})})

    return make


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("channels", "share"),
    [(16, 1 / 2), (32, 1 / 2), (64, 1 / 4), (128, 1 / 4), (96, 1 / 3)],
)
def test_a_stride_of_two_reads_the_bursts_of_every_other_row(machine, backward, channels, share):
    """Bursts of 64 bytes hold four pixels of 16 channels, so that half of what comes is not used."""
    program = convolution((8, 32, 32, channels), Window((1, 1), (2, 2)), backward=backward)
    assert image_bytes(program, machine()) == share * program.tensors[0].bytes


@pytest.mark.parametrize(("stride", "share"), [((2, 1), 1 / 2), ((1, 2), 1), ((4, 8), 1 / 8), ((1, 8), 1 / 2)])
def test_each_axis_has_its_own_stride(machine, stride, share):
    program = convolution((2, 32, 32, 16), Window((1, 1), stride))
    assert image_bytes(program, machine()) == share * program.tensors[0].bytes


@pytest.mark.parametrize(("standard", "burst", "share"), [("HBM2-2000", 32, 1 / 2), ("LPDDR4-3200", 32, 1 / 2)])
def test_the_burst_is_that_of_the_standard(machine, standard, burst, share):
    hw = machine(standard=standard)
    assert DramModel.of(hw).burst_bytes == burst
    program = convolution((2, 32, 32, 16), Window((1, 1), (2, 2)))
    assert image_bytes(program, hw) == share * program.tensors[0].bytes


def test_bandwidth_alone_knows_no_bursts(load, plain_dram):
    program = convolution((2, 16, 16, 16), Window((1, 1), (2, 2)))
    assert image_bytes(program, plain_dram(load("int8_range_bn"), 8)) == program.tensors[0].bytes // 4


def test_memories_on_the_chip_give_single_pixels(machine, edit):
    program = convolution((2, 16, 16, 16), Window((1, 1), (2, 2)))
    level = Level(name="l2", capacity_bytes=1 << 20, bytes_per_cycle=64)
    hw = edit(machine(), "buffers", levels=(level,))
    held = Residency(frozenset({0}), in_levels={0: 1}, level_names=("l2",))
    plan = Planner(program, hw, held).plan(program.operations[0])
    assert plan.sram.input.write_bytes == program.tensors[0].bytes // 4
    assert plan.dram_read_bytes == program.tensors[1].bytes


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (1, 3)])
@pytest.mark.parametrize("backward", [False, True])
def test_without_a_stride_everything_is_read_once(machine, kernel, backward):
    window = Window(kernel, (1, 1), (kernel[0] // 2, kernel[1] // 2))
    program = convolution((2, 15, 15, 5), window, backward=backward)
    assert image_bytes(program, machine()) == program.tensors[0].bytes


def met(shape, window):
    """Pixels (row, column) that some tap of the window meets, one window after the other."""
    rows, columns = window.output_size(*shape[1:3])
    found = {
        (r * window.stride[0] - window.padding[0] + i, c * window.stride[1] - window.padding[1] + j)
        for r in range(rows)
        for c in range(columns)
        for i in range(window.kernel[0])
        for j in range(window.kernel[1])
    }
    return {(r, c) for r, c in found if 0 <= r < shape[1] and 0 <= c < shape[2]}


def touched(shape, window, bits, burst):
    """Bytes of the bursts that hold a bit which the window meets, one bit after the other."""
    batch, height, width, channels = shape
    pixels = met(shape, window)
    if len(pixels) == height * width:
        return -(-batch * height * width * channels * bits // 8)
    bursts = {
        (row, (column * channels * bits + bit) // (8 * burst))
        for row, column in pixels
        for bit in range(channels * bits)
    }
    return min(-(-batch * height * width * channels * bits // 8), batch * len(bursts) * burst)


axes = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(
    size=st.tuples(st.integers(5, 14), st.integers(5, 14)),
    channels=st.integers(1, 40),
    kernel=axes,
    stride=axes,
    padding=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    bits=st.sampled_from([3, 4, 8, 16]),
    backward=st.booleans(),
)
def test_any_window_reads_the_bursts_that_it_meets(machine, size, channels, kernel, stride, padding, bits, backward):
    shape, window = (2, *size, channels), Window(kernel, stride, padding)
    program = convolution(shape, window, name=f"int{bits}", backward=backward)
    assert image_bytes(program, machine()) == touched(shape, window, bits, 64)


@given(size=st.integers(5, 14), channels=st.integers(1, 9), kernel=axes, stride=axes)
def test_any_window_reads_its_own_pixels_of_memories_on_the_chip(machine, edit, size, channels, kernel, stride):
    shape, window = (2, size, size, channels), Window(kernel, stride)
    program = convolution(shape, window)
    level = Level(name="l2", capacity_bytes=1 << 20, bytes_per_cycle=64)
    held = Residency(frozenset({0}), in_levels={0: 1}, level_names=("l2",))
    plan = Planner(program, edit(machine(), "buffers", levels=(level,)), held).plan(program.operations[0])
    assert plan.sram.input.write_bytes == 2 * channels * len(met(shape, window))


@pytest.mark.parametrize(
    ("kernel", "stride", "share"),
    [((1, 3), (2, 2), 1 / 2), ((1, 3), (2, 1), 1 / 2), ((3, 1), (2, 2), 1), ((3, 1), (1, 8), 1 / 2)],
)
def test_a_window_that_covers_its_stride_along_one_axis_alone(machine, kernel, stride, share):
    """Every other row of pixels is left out, or every burst of a row that no column stands in."""
    window = Window(kernel, stride, (kernel[0] // 2, kernel[1] // 2))
    program = convolution((2, 32, 32, 16), window)
    assert image_bytes(program, machine()) == share * program.tensors[0].bytes
