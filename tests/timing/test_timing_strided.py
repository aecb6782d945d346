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


def touched(shape, window, burst):
    """Bursts of a row of pixels that hold a byte which the window meets, one byte after the other; all rows alike."""
    batch, height, width, channels = shape
    out = window.output_size(height, width)
    meets = [
        {o * s + tap - p for o in range(n) for tap in range(k)} & set(range(size))
        for n, k, s, p, size in zip(out, window.kernel, window.stride, window.padding, (height, width), strict=True)
    ]
    bursts = {(column * channels + byte) // burst for column in meets[1] for byte in range(channels)}
    return batch * len(meets[0]) * len(bursts) * burst


@given(
    size=st.integers(3, 20),
    channels=st.integers(1, 70),
    kernel=st.integers(1, 2),
    stride=st.integers(3, 5),
    padding=st.integers(0, 1),
)
def test_any_window_reads_the_bursts_that_it_meets(machine, size, channels, kernel, stride, padding):
    shape, window = (2, size, size, channels), Window((kernel, kernel), (stride, stride), (padding, padding))
    program, whole = convolution(shape, window), 2 * size * size * channels
    used = program.operations[0].gemms[0].m * program.operations[0].gemms[0].k
    assert image_bytes(program, machine()) == min(whole, max(used, touched(shape, window, 64)))
